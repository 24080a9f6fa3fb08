import type { Bus } from '../bus/bus.ts'
import { type AlarmsData, WATCH } from '../core/alarms.ts'
import { channels, type Presence } from '../core/channels.ts'
import { troubles } from '../core/counter-help.ts'
import { type OpSession, stateOf } from '../core/ops.ts'
import { RECORD, recordingOf } from '../core/recording/recording.ts'
import { waitingRows } from '../core/recording/waiting-rows.ts'
import type { Wire } from '../core/wire.ts'
import { clockText } from './clock-text.ts'
import type { InstanceView, LabView } from './lab-view.ts'
import { notRecording } from './not-recording.ts'
import { codeName, lastMessage } from './session-text.ts'

/** Seconds over which rates are taken. */
const WINDOW_S = 10

/** One role of a lab at a moment. Ages and lengths of time in s. */
export interface RoleStatus {
  readonly instance: string
  /** `not running`: nothing was ever heard of it; of a role that is not on the bus: as `ocs up` has it. */
  readonly state:
    | Presence['state']
    | 'not running'
    | 'running'
    | 'waiting'
    | 'stopping'
    | 'stopped'
    | 'down'
    | 'left out'
  readonly agent_class: string | null
  readonly host: string | null
  /** How long its process has run; null when it does not. */
  readonly up: number | null
  /** How old its newest sample is; null when it has none. */
  readonly age: number | null
  /** Samples a second over the last 10 s; null of a role without feeds, and while nothing has come in a shorter time. */
  readonly rate: number | null
  /** Its fields whose newest sample is no number: an output that is off, a sensor that is open. */
  readonly without_value: readonly string[]
  /** Rows in its spool that are not recorded yet; null of a role that keeps none. */
  readonly waiting: number | null
  /** What is under way, and how processes ended: `running`, `degraded`, `failed`, …, by operation. */
  readonly ops: Readonly<Record<string, string>>
  /** What an operation that fails or is degraded says, or what is wrong with its clock. */
  readonly trouble: string | null
  /** Counters of things gone wrong, above zero. */
  readonly counters: Readonly<Record<string, number>>
  /** Times that `ocs up` has started it again; null where it does not run it. */
  readonly restarts: number | null
}
/** A recorder at work. */
export interface RecorderStatus {
  readonly instance: string
  /** Feeds that it records, and those that have not brought anything for 3 min. */
  readonly feeds: number
  readonly stale: number
  /** Rows that agents hold and that it is still to fetch. */
  readonly behind: number
  /** Rows that it has and that are in no synced file yet. */
  readonly unwritten: number
  readonly file: string | null
  readonly problem: string | null
}
/** An alarm that is raised, or was and is not acknowledged. */
export interface AlarmStatus {
  readonly name: string
  readonly severity: string
  readonly state: string
  readonly text: string
  /** Unix s. */
  readonly since: number | null
  readonly acknowledged: boolean
}
/** A lab at a moment. */
export interface LabStatus {
  /** Unix s. */
  readonly time: number
  readonly hub: {
    readonly url: string
    readonly connected: boolean
    /** Everybody who reaches it may do everything. */
    readonly insecure?: boolean
  }
  readonly roles: readonly RoleStatus[]
  readonly recorders: readonly RecorderStatus[]
  /** Why nothing is recorded though agents hold samples. */
  readonly not_recording: string | null
  /** Undefined where no alarm agent runs. */
  readonly alarms: readonly AlarmStatus[] | undefined
}

/** Counts that come in over time, as a rate over the last 10 s. */
export class Meter {
  readonly #counts: { readonly at: number; readonly count: number }[] = []
  readonly #began: number

  /** @param now monotonic s */
  constructor(now: number) {
    this.#began = now
  }

  add(count: number, now: number): void {
    this.#counts.push({ at: now, count })
    while ((this.#counts[0]?.at ?? now) < now - WINDOW_S) this.#counts.shift()
  }

  /** Per second; null where nothing has come yet and that says nothing: a scanner rests for seconds. */
  rate(now: number): number | null {
    const from = now - WINDOW_S
    const sum = this.#counts.reduce((all, { at, count }) => (at < from ? all : all + count), 0)
    if (sum === 0 && from < this.#began) return null
    return sum / Math.max(0.1, Math.min(WINDOW_S, now - this.#began))
  }
}

/** Follows how fast the agents of a lab publish, until disposed; what it knows of one is undefined until something came. */
export class LabMeters implements AsyncDisposable {
  readonly #began = performance.now() / 1000
  readonly #rates = new Map<string, Meter>()
  readonly #newest = new Map<string, number>()
  /** Fields without a value, by instance. */
  readonly #nothing = new Map<string, Set<string>>()
  #subscriptions: AsyncDisposable[] = []

  static async open(bus: Bus, root: string): Promise<LabMeters> {
    const meters = new LabMeters()
    const feed = await bus.subscribe(channels.feed, { root }, ({ t, data }, { instance, feed }) => {
      for (const [field, values] of Object.entries(data))
        meters.#has(instance, `${feed}.${field}`, values.at(-1))
      meters.#meter(instance).add(t.length, performance.now() / 1000)
      meters.#seen(instance, t.at(-1))
    })
    const last = await bus.subscribe(
      channels.last,
      { root },
      ({ timestamp, ...values }, { instance, feed }) => {
        for (const [field, value] of Object.entries(values)) meters.#has(instance, `${feed}.${field}`, value)
        meters.#seen(instance, typeof timestamp === 'number' ? timestamp : undefined)
      },
    )
    meters.#subscriptions = [feed, last]
    return meters
  }

  /** Samples a second; null while that is not known. */
  rate(instance: string): number | null {
    const meter = this.#rates.get(instance) ?? new Meter(this.#began)
    return meter.rate(performance.now() / 1000)
  }

  /** Unix s of an instance's newest sample. */
  newest(instance: string): number | undefined {
    return this.#newest.get(instance)
  }

  /** `FEED.FIELD` of an instance's fields whose newest sample is no number. */
  withoutValue(instance: string): readonly string[] {
    return [...(this.#nothing.get(instance) ?? [])].sort((a, b) =>
      a.localeCompare(b, 'en', { numeric: true }),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const subscription of this.#subscriptions) await subscription[Symbol.asyncDispose]()
  }

  #meter(instance: string): Meter {
    const known = this.#rates.get(instance) ?? new Meter(this.#began)
    this.#rates.set(instance, known)
    return known
  }

  #has(instance: string, field: string, value: Wire | undefined): void {
    const fields = this.#nothing.get(instance) ?? new Set()
    this.#nothing.set(instance, fields)
    if (value === 'NaN' || value === null) fields.add(field)
    else fields.delete(field)
  }

  #seen(instance: string, time: number | undefined): void {
    if (time !== undefined) this.#newest.set(instance, Math.max(time, this.#newest.get(instance) ?? 0))
  }
}

/** What is needed besides what the lab tells. */
export interface Beside {
  readonly hub: LabStatus['hub']
  /** Instances that are meant to be there, in the order of the site file. */
  readonly expected: readonly string[]
  /** What `ocs up` runs on this machine: roles that are not on the bus, and restarts of the others. */
  readonly up: readonly {
    readonly name: string
    readonly state: RoleStatus['state']
    readonly restarts: number
    readonly since: number
    /** Why it is left out. */
    readonly why?: string
  }[]
}

/** A lab as it is now. */
export function labStatus(
  { instances }: LabView,
  meters: LabMeters,
  { hub, expected, up }: Beside,
): LabStatus {
  const time = Date.now() / 1000
  const restarts = new Map(up.map((role) => [role.name, role]))
  const others = up.map(({ name }) => name).filter((name) => name !== 'hub')
  const names = [...new Set([...expected, ...[...instances.keys()].sort(), ...others])]
  const roles = names.map((name): RoleStatus => {
    const view = instances.get(name)
    const kept = restarts.get(name)
    const state = view?.presence ? view.state : (kept?.state ?? 'not running')
    const isUp = state === 'online' || state === 'running'
    const role = roleOf(name, view, meters, time)
    const since = view?.presence?.since ?? kept?.since ?? time
    return {
      ...role,
      state,
      trouble: kept?.why !== undefined && state !== 'online' ? `left out: ${kept.why}` : role.trouble,
      up: isUp ? time - since : null,
      restarts: kept?.restarts ?? null,
    }
  })
  const recorders = recordersOf(instances)
  const not_recording = notRecording(instances) ?? null
  const isAway = (name: string) => not_recording !== null && RECORD in (instances.get(name)?.api?.ops ?? {})
  const judged = roles.map((role) =>
    isAway(role.instance) && role.trouble === null ? { ...role, trouble: 'does not record' } : role,
  )
  return { time, hub, roles: judged, recorders, not_recording, alarms: alarmsOf(instances) }
}

function roleOf(
  instance: string,
  view: InstanceView | undefined,
  meters: LabMeters,
  time: number,
): Omit<RoleStatus, 'state' | 'up' | 'restarts'> {
  const { presence, api, sessions = new Map<string, OpSession>(), state } = view ?? {}
  const isOnline = state === 'online'
  const newest = meters.newest(instance)
  const shown = [...sessions]
    .sort(([a], [b]) => a.localeCompare(b))
    .filter(([op, { end_time }]) => (end_time === null ? isOnline : api?.ops[op]?.kind === 'process'))
  const bad = shown.map(([, session]) => session).find(isBad)
  const hasFeeds = Object.keys(api?.feeds ?? {}).length > 0
  return {
    instance,
    agent_class: presence?.agent_class ?? null,
    host: presence?.host ?? null,
    age: newest === undefined ? null : Math.max(0, time - newest),
    rate: hasFeeds && isOnline ? meters.rate(instance) : null,
    without_value: isOnline ? meters.withoutValue(instance).filter((field) => isDeclared(api, field)) : [],
    waiting: hasFeeds && presence?.feeds ? waitingRows(presence.feeds) : null,
    ops: Object.fromEntries(shown.map(([op, session]) => [op, codeName(session.op_code)])),
    trouble: bad ? `${bad.op_name}: ${lastMessage(bad)}` : view ? (clockText(view) ?? null) : null,
    counters: Object.fromEntries(troubles(presence?.counters ?? {})),
  }
}

/** Whether a feed that an agent has now has a field of numbers of this name, `FEED.FIELD`. */
function isDeclared(api: InstanceView['api'], name: string): boolean {
  const [feed = '', field = ''] = name.split('.')
  const { blocks = {} } = api?.feeds[feed] ?? {}
  return Object.values(blocks).some((block) => block[field] !== undefined && block[field].type !== 'string')
}

function isBad(session: OpSession): boolean {
  return ['degraded', 'failed'].includes(stateOf(session))
}

function recordersOf(instances: LabView['instances']): RecorderStatus[] {
  return [...instances].flatMap(([instance, { sessions, state }]) => {
    const session = sessions.get(RECORD)
    const said = recordingOf(sessions)
    if (state !== 'online' || session?.end_time !== null || !said) return []
    const { behind, current_file, problem, providers } = said
    const feeds = Object.values(providers)
    const unwritten = feeds.reduce((sum, { seq, recorded }) => sum + Math.max(0, seq - recorded), 0)
    const stale = feeds.filter((feed) => feed.stale).length
    return [{ instance, feeds: feeds.length, stale, behind, unwritten, file: current_file, problem }]
  })
}

function alarmsOf(instances: LabView['instances']): AlarmStatus[] | undefined {
  const agents = [...instances.values()].filter(
    ({ api, state }) => api?.queries[WATCH.query] !== undefined && state === 'online',
  )
  if (agents.length === 0) return undefined
  return agents.flatMap(({ sessions }) => {
    const { alarms = [] } = (sessions.get(WATCH.op)?.data ?? {}) as Partial<AlarmsData>
    return alarms.map(({ name, severity, state, text, since, acknowledged }) => ({
      name,
      severity,
      state,
      text,
      since,
      acknowledged: acknowledged !== null,
    }))
  })
}
