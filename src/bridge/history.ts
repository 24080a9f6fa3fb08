import type { Bus } from '../bus/bus.ts'
import { AlarmsData, WATCH } from '../core/alarms.ts'
import { HistoryAnswer } from '../core/built-in.ts'
import { channels, type Event } from '../core/channels.ts'
import { OpError } from '../core/errors.ts'
import { type OpSession, type OpState, stateOf, toldOf } from '../core/ops.ts'
import type { LabView } from '../lab/lab-view.ts'
import { caller } from '../lab/request-client.ts'

/** Maximum number of sessions and events that are remembered, the newest of each. */
const KEPT = 1000
/** Number of past sessions, the newest, that each agent is asked for when it appears. */
const PAST = 100
/** Maximum characters of a text. */
const MAX_TEXT = 500

/** A state, its beginning, and the reason; null while unknown because its agent is lost. */
export type Step = readonly [time: number, state: OpState | null, why: string]
/** One session of an operation. Times in unix s. */
export interface Run {
  readonly instance: string
  readonly op: string
  readonly id: number
  readonly start: number
  readonly end: number | undefined
  readonly state: OpState
  readonly startedBy: string
  /** Its last message. */
  readonly message: string
  readonly steps: readonly Step[]
}
/** An event as received. */
export interface Happening extends Omit<Event, 'text'> {
  readonly instance: string
  readonly text: string
  /** Numbers the events since the bridge started. */
  readonly nth: number
}
/** An alarm from when it was raised until its cause ended. Times in unix s. */
export interface Raised {
  readonly instance: string
  readonly name: string
  readonly severity: string
  readonly text: string
  readonly raised: number
  readonly ended: number | undefined
  readonly acknowledged: string
}
/** The history of a lab since the bridge started, and the sessions that its agents remember. */
export interface History extends AsyncDisposable {
  runs(): readonly Run[]
  events(): readonly Happening[]
  /** Alarms reported by the alarm agents: those that are raised, and the last that ended. */
  alarms(): readonly Raised[]
}

/** Listens to the sessions and events of all agents, and remembers the newest. */
export async function recordHistory({
  bus,
  root,
  lab,
}: {
  readonly bus: Bus
  readonly root: string
  readonly lab: LabView
}): Promise<History> {
  const runs = new Map<string, Run>()
  const events: Happening[] = []
  const alarms = new Map<string, Raised[]>()
  let count = 0

  /** The process of each agent that has been asked for its past. */
  const asked = new Map<string, string>()
  const asking = await caller(bus, root)

  const keep = (said: OpSession, of: { instance: string; op: string }) => {
    const key = `${of.instance}/${of.op}/${said.session_id}/${said.start_time}`
    runs.set(key, runOf(said, of))
    if (runs.size <= KEPT) return
    // A running session may not be published again for days, so the sessions that have ended are dropped
    // first.
    const ended = [...runs].filter(([, { end }]) => end !== undefined)
    const [oldest] = (ended.length > 0 ? ended : [...runs]).reduce((a, b) =>
      b[1].start < a[1].start ? b : a,
    )
    runs.delete(oldest)
  }
  const askPast = async (instance: string, process: string) => {
    if (asked.get(instance) === process) return
    asked.set(instance, process)
    try {
      const answer = HistoryAnswer.parse(await asking.query(instance, 'history', { limit: PAST }))
      for (const session of answer.sessions) {
        const of = { instance, op: session.op_name }
        if (session.status === 'done') keep(session, of)
      }
    } catch (error) {
      // An agent that does not answer is asked again at its next heartbeat; one without a history is not.
      if (!(error instanceof OpError) && asked.get(instance) === process) asked.delete(instance)
    }
  }
  const sessions = await bus.subscribe(channels.session, { root }, (said, { instance, op }) => {
    keep(said, { instance, op })
    const told = op === WATCH.op ? AlarmsData.safeParse(said.data).data : undefined
    if (told) alarms.set(instance, raisedOf(instance, told))
  })
  const look = (instance: string) => {
    const { presence, state } = lab.of(instance) ?? {}
    if (presence && state === 'online') void askPast(instance, presence.session)
  }
  const watched = lab.onChange(look)
  for (const instance of lab.instances.keys()) look(instance)
  const happenings = await bus.subscribe(channels.event, { root }, (said, { instance }) => {
    events.push({ ...said, instance, text: said.text.slice(0, MAX_TEXT), nth: ++count })
    if (events.length > KEPT) events.shift()
  })
  return {
    runs: () => [...runs.values()].map((run) => cutOff(run, lab.of(run.instance)?.left)),
    events: () => events,
    alarms: () => [...alarms.values()].flat(),
    async [Symbol.asyncDispose]() {
      watched[Symbol.dispose]()
      for (const part of [sessions, happenings, asking]) await part[Symbol.asyncDispose]()
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

/** A run whose agent was lost at some time: its state since then is unknown. */
function cutOff(run: Run, lost: number | undefined): Run {
  if (lost === undefined || run.end !== undefined) return run
  return { ...run, steps: [...run.steps, [Math.max(lost, run.steps.at(-1)?.[0] ?? lost), null, '']] }
}

function runOf(said: OpSession, { instance, op }: { instance: string; op: string }): Run {
  return {
    instance,
    op,
    id: said.session_id,
    start: said.start_time,
    end: said.end_time ?? undefined,
    state: stateOf(said),
    startedBy: said.started_from ?? said.started_by,
    message: toldOf(said).slice(0, MAX_TEXT),
    steps: stepsOf(said),
  }
}

/** Degraded times of a run, and the moment it failed, each with its reason. Times in unix s. */
export interface Trouble {
  readonly state: 'degraded' | 'failed'
  readonly start: number
  /** Equal to `start` for a failure; undefined while it lasts. */
  readonly end: number | undefined
  readonly why: string
}

/** The faults of a run, in order. */
export function troublesOf({ steps, message }: Run): Trouble[] {
  return steps.flatMap(([start, state, why], i): Trouble[] => {
    if (state === 'failed') return [{ state, start, end: start, why: why || message }]
    return state === 'degraded' ? [{ state, start, end: steps[i + 1]?.[0], why }] : []
  })
}

/** The states of a session; if the agent does not report them, only that it ran, and how it ended. */
function stepsOf(said: OpSession): readonly Step[] {
  const { transitions, start_time, end_time } = said
  if (transitions && transitions.length > 0)
    return transitions.map(([time, state, why]) => [time, state, why.slice(0, MAX_TEXT)])
  const begun: Step = [start_time, end_time === null ? stateOf(said) : 'running', '']
  return end_time === null ? [begun] : [begun, [end_time, stateOf(said), '']]
}
