import { AlarmsData, WATCH } from '../../core/alarms.ts'
import { parametersOf } from '../../core/arguments/parameters.ts'
import type { Presence } from '../../core/channels.ts'
import { helpOf, troubles } from '../../core/counter-help.ts'
import { type OpSession, stateOf, toldOf } from '../../core/ops.ts'
import { recordingOf } from '../../core/recording/recording.ts'
import { waitingRows } from '../../core/recording/waiting-rows.ts'
import { clockText } from '../../lab/clock-text.ts'
import type { Expected } from '../../lab/expected.ts'
import type { InstanceView } from '../../lab/lab-view.ts'
import type { AgentDetail, AgentView, AlarmView, OpView, ParameterView, RecorderView } from '../page/shape.ts'

/** Maximum characters shown of a session's data, and of a message. */
const MAX_DATA = 20_000
const MAX_TEXT = 500
/** Number of messages of a session that are shown, the newest. */
const MESSAGES = 20

/** The summary of an agent that the page always shows. */
export function agentView(instance: string, view: InstanceView): AgentView {
  const { presence, api, sessions, away } = view
  const state = away === undefined ? view.state : 'away'
  const names = new Set([...Object.keys(api?.ops ?? {}), ...sessions.keys()])
  return {
    instance,
    agentClass: presence?.agent_class ?? api?.agent_class ?? '',
    state,
    why: away ?? null,
    since: presence?.since ?? null,
    beat: presence?.time ?? null,
    clock: clockText(view) ?? null,
    host: presence?.host ?? '',
    node: api?.node?.name ?? null,
    lock: presence?.lock ? { by: presence.lock.by, until: presence.lock.until } : null,
    ops: [...names].map((op) => opView(op, api?.ops[op]?.kind ?? null, sessions.get(op), state === 'online')),
    spools: spoolsOf(presence),
    troubles: troubles(presence?.counters ?? {}).map(([name, count]) => {
      return { name, count, help: helpOf(name) }
    }),
    recorder: recorderOf(sessions),
    alarms: state === 'online' ? alarmsOf([...sessions.values()]) : [],
  }
}

/** The view of an instance of the site file that has never announced itself. */
export function absentView({ instance, agentClass, host, why }: Expected): AgentView {
  const view = { presence: undefined, api: undefined, sessions: new Map(), state: 'offline' as const }
  return { ...agentView(instance, view), agentClass, host, state: 'absent', why: why ?? null }
}

function opView(op: string, kind: OpView['kind'], session: OpSession | undefined, isThere: boolean): OpView {
  return {
    op,
    kind,
    // Operations in progress ended with their agent.
    state: isThere || session?.status === 'done' ? stateOf(session) : session ? 'lost' : 'idle',
    since: session ? since(session) : null,
    end: session?.end_time ?? null,
    message: toldOf(session).slice(0, MAX_TEXT) || null,
    by: session ? (session.started_from ?? session.started_by) : null,
  }
}

/**
 * When a session began, unix s; for a degraded one, when it became degraded, even if the reasons have changed
 * since.
 */
function since({ status, degraded, start_time, transitions = [] }: OpSession): number {
  if (status !== 'running' || !degraded) return start_time
  const before = transitions.findLastIndex(([, state]) => state !== 'degraded')
  return transitions[before + 1]?.[0] ?? start_time
}

function spoolsOf(presence: Presence | undefined): AgentView['spools'] {
  return Object.entries(presence?.feeds ?? {}).map(([feed, held]) => ({
    feed,
    waiting: waitingRows({ [feed]: held }),
  }))
}

function recorderOf(sessions: InstanceView['sessions']): RecorderView | null {
  const found = recordingOf(sessions)
  if (!found) return null
  const { data_dir, current_file, providers, counters, behind, problem } = found
  const stale = Object.entries(providers).flatMap(([address, one]) => (one.stale ? [address] : []))
  return { file: current_file, folder: data_dir, behind, problem, counters, stale }
}

function alarmsOf(sessions: readonly OpSession[]): AlarmView[] {
  return sessions.flatMap(({ op_name, data }) => {
    const { alarms = [] } = (op_name === WATCH.op && AlarmsData.safeParse(data).data) || {}
    return alarms.map(({ name, text, since, acknowledged, silenced_until: silencedUntil }) => {
      return {
        name,
        text: text.slice(0, MAX_TEXT),
        since,
        acknowledged: acknowledged?.by ?? null,
        silencedUntil,
      }
    })
  })
}

/** The details of an agent that the page shows on request. */
export function agentDetail(instance: string, { api, sessions, state }: InstanceView): AgentDetail {
  const ops = Object.entries(api?.ops ?? {}).map(([op, { kind, help, params }]) => {
    const session = sessions.get(op)
    const parameters = parametersOf(params).map(
      ({ name, help: text, takes, required, choices, property }) => ({
        name,
        help: text,
        takes,
        required,
        choices,
        many: property.type === 'array',
        present: presentValue(property.present, sessions, session),
      }),
    )
    return {
      op,
      kind,
      help,
      parameters,
      now: opView(op, kind, session, state === 'online'),
      data: json(session?.data),
      messages: (session?.messages ?? [])
        .slice(-MESSAGES)
        .map(([time, text]) => [time, text.slice(0, MAX_TEXT)] as const),
      params: json(session?.params),
    }
  })
  return { instance, help: api?.help ?? '', ops }
}

/**
 * What a parameter would set is now: the value at a path such as `get_scan.channel`, of the session that told it last.
 * @param own the operation's own latest session; what it was started with is newer than what was told before
 */
function presentValue(
  path: string | undefined,
  sessions: InstanceView['sessions'],
  own: OpSession | undefined,
): ParameterView['present'] {
  const [op = '', ...keys] = path?.split('.') ?? []
  const source = sessions.get(op)
  if (!source || keys.length === 0 || (source.end_time ?? Infinity) < (own?.start_time ?? 0)) return null
  let value: unknown = source.data
  for (const key of keys)
    value =
      typeof value === 'object' && value !== null && Object.hasOwn(value, key)
        ? (value as Readonly<Record<string, unknown>>)[key]
        : undefined
  const isPlain = typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)
  return isPlain ? (value as ParameterView['present']) : null
}

function json(data: unknown): string | null {
  if (data === null || data === undefined) return null
  if (typeof data === 'object' && Object.keys(data).length === 0) return null
  const text = JSON.stringify(data, null, 1)
  return text.length > MAX_DATA ? `${text.slice(0, MAX_DATA)} … (${text.length} characters)` : text
}
