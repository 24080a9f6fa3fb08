import { type AlarmsData, WATCH } from '../core/alarms.ts'
import type { Presence } from '../core/channels.ts'
import { troubles } from '../core/counter-help.ts'
import { type OpSession, stateOf } from '../core/ops.ts'
import { RECORD, recordingOf } from '../core/recording/recording.ts'
import { waitingRows } from '../core/recording/waiting-rows.ts'
import { clockText } from './clock-text.ts'
import type { LabMeters } from './lab-meters.ts'
import type { InstanceView, LabView } from './lab-view.ts'
import { notRecording } from './not-recording.ts'
import { codeName, lastMessage } from './session-text.ts'

/** The state of one role of a lab. Ages and durations in s. */
export interface RoleStatus {
  readonly instance: string
  /** `not running`: it has never announced itself. A role that is not on the bus has the state that `ocs up` gives it. */
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
  /** How long its process has been running; null if it is not. */
  readonly up: number | null
  /** Age of its newest sample; null if it has none. */
  readonly age: number | null
  /** Samples a second over the last 10 s; null for a role without feeds, and until the first sample or 10 s have passed. */
  readonly rate: number | null
  /** Its fields whose newest sample is not a number: an output that is off, an open sensor. */
  readonly without_value: readonly string[]
  /** Rows in its spool that are not recorded yet; null for a role without a spool. */
  readonly waiting: number | null
  /** Running operations, and how processes ended: `running`, `degraded`, `failed`, …, by operation. */
  readonly ops: Readonly<Record<string, string>>
  /** The message of an operation that failed or is degraded, or what is wrong with its clock. */
  readonly trouble: string | null
  /** Counters of faults that are above zero. */
  readonly counters: Readonly<Record<string, number>>
  /** How often `ocs up` has restarted it; null if `ocs up` does not run it. */
  readonly restarts: number | null
}
/** A running recorder. */
export interface RecorderStatus {
  readonly instance: string
  /** Feeds that it records, and how many of them have been silent for 3 min. */
  readonly feeds: number
  readonly stale: number
  /** Rows that it still has to fetch from agents. */
  readonly behind: number
  /** Rows that it has fetched and not yet written to a synced file. */
  readonly unwritten: number
  readonly file: string | null
  readonly problem: string | null
}
/** An alarm that is raised, or over but not acknowledged. */
export interface AlarmStatus {
  readonly name: string
  readonly severity: string
  readonly state: string
  readonly text: string
  /** Unix s. */
  readonly since: number | null
  readonly acknowledged: boolean
}
/** The state of a lab. */
export interface LabStatus {
  /** Unix s. */
  readonly time: number
  readonly hub: {
    readonly url: string
    readonly connected: boolean
    /** Anyone who can reach it may do anything. */
    readonly insecure?: boolean
  }
  readonly roles: readonly RoleStatus[]
  readonly recorders: readonly RecorderStatus[]
  /** Why nothing is recorded although agents hold samples. */
  readonly not_recording: string | null
  /** Undefined if no alarm agent runs. */
  readonly alarms: readonly AlarmStatus[] | undefined
}

/** What a status needs beyond the agents' own topics. */
export interface StatusSources {
  readonly hub: LabStatus['hub']
  /** Instances that should be running, in the order of the site file. */
  readonly expected: readonly string[]
  /** What `ocs up` runs on this machine: gives roles that are not on the bus, and restarts of the others. */
  readonly up: readonly {
    readonly name: string
    readonly state: RoleStatus['state']
    readonly restarts: number
    readonly since: number
    /** Why `ocs up` leaves it out. */
    readonly why?: string
  }[]
}

/** The present state of a lab. */
export function labStatus(
  { instances }: LabView,
  meters: LabMeters,
  { hub, expected, up }: StatusSources,
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

/** Whether the agent still declares a numeric field of this name, `FEED.FIELD`. */
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
