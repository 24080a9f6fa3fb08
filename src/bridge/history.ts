import type { Bus } from '../bus/bus.ts'
import { AlarmsData, WATCH } from '../core/alarms.ts'
import { channels, type Event } from '../core/channels.ts'
import type { OpSession } from '../core/ops.ts'
import type { State } from './page/shape.ts'

/** Sessions and events that are remembered, at most: the newest of each. */
const KEPT = 1000
/** Changes of state that are remembered of one session, and characters of a text. */
const MAX_STEPS = 100
const MAX_TEXT = 500

/** One session of an operation. Times in unix s. */
export interface Run {
  readonly instance: string
  readonly op: string
  readonly id: number
  readonly start: number
  readonly end: number | undefined
  readonly state: State
  readonly startedBy: string
  /** The last that it said. */
  readonly message: string
  /** Its states, from when on. */
  readonly steps: readonly (readonly [number, State])[]
}
/** An event as it came. */
export interface Happening extends Omit<Event, 'text'> {
  readonly instance: string
  readonly text: string
  /** Counts the events since the bridge started. */
  readonly nth: number
}
/** An alarm from when it was raised until what was wrong ended. Times in unix s. */
export interface Raised {
  readonly instance: string
  readonly name: string
  readonly severity: string
  readonly text: string
  readonly raised: number
  readonly ended: number | undefined
  readonly acknowledged: string
}
/** What has happened in a lab since the bridge started, and the sessions that were known by then. */
export interface History extends AsyncDisposable {
  runs(): readonly Run[]
  events(): readonly Happening[]
  /** Alarms that the alarm agents tell of: those that are raised, and those that ended last. */
  alarms(): readonly Raised[]
}

/** Listens to the sessions and the events of all agents, and remembers the newest. */
export async function recordHistory(bus: Bus, root: string): Promise<History> {
  const runs = new Map<string, Run>()
  const events: Happening[] = []
  const alarms = new Map<string, Raised[]>()
  let count = 0

  const sessions = await bus.subscribe(channels.session, { root }, (said, { instance, op }) => {
    const key = `${instance}/${op}/${said.session_id}/${said.start_time}`
    runs.set(key, runOf(said, { instance, op }, runs.get(key)))
    const told = op === WATCH.op ? AlarmsData.safeParse(said.data).data : undefined
    if (told) alarms.set(instance, raisedOf(instance, told))
    if (runs.size <= KEPT) return
    // What still runs may not be said again for days: those that have ended go first.
    const [oldest] = [...runs].find(([, { end }]) => end !== undefined) ?? [...runs.keys()]
    runs.delete(oldest ?? '')
  })
  const happenings = await bus.subscribe(channels.event, { root }, (said, { instance }) => {
    events.push({ ...said, instance, text: said.text.slice(0, MAX_TEXT), nth: ++count })
    if (events.length > KEPT) events.shift()
  })
  return {
    runs: () => [...runs.values()],
    events: () => events,
    alarms: () => [...alarms.values()].flat(),
    async [Symbol.asyncDispose]() {
      for (const part of [sessions, happenings]) await part[Symbol.asyncDispose]()
    },
  }
}

function raisedOf(instance: string, { alarms, recent }: AlarmsData): Raised[] {
  const now = alarms.map(({ name, severity, text, since, ended, acknowledged }) => ({
    ...{ instance, name, severity, text, raised: since ?? 0, ended: ended ?? undefined },
    acknowledged: acknowledged ? `acknowledged by ${acknowledged.by}` : '',
  }))
  const past = recent.map(({ name, severity, text, raised, ended }) => ({
    ...{ instance, name, severity, text, raised, ended, acknowledged: '' },
  }))
  return [...past, ...now]
}

function runOf(said: OpSession, { instance, op }: { instance: string; op: string }, before?: Run): Run {
  const state = stateOf(said)
  const steps = [...(before?.steps ?? [[said.start_time, 'running'] as const])]
  if (steps.at(-1)?.[1] !== state) {
    const last = said.messages.at(-1)?.[0] ?? Date.now() / 1000
    steps.push([said.end_time ?? Math.max(last, said.start_time), state])
  }
  return {
    instance,
    op,
    id: said.session_id,
    start: said.start_time,
    end: said.end_time ?? undefined,
    state,
    startedBy: said.started_from ?? said.started_by,
    message: (said.messages.at(-1)?.[1] ?? '').slice(0, MAX_TEXT),
    steps: steps.slice(-MAX_STEPS),
  }
}

/** What an operation is doing, by its latest session. */
export function stateOf({
  status,
  degraded,
  success,
}: Pick<OpSession, 'status' | 'degraded' | 'success'>): State {
  if (status === 'done') return success ? 'idle' : 'failed'
  return status === 'running' && degraded ? 'degraded' : status
}
