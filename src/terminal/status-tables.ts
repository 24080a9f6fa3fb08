import { lockedText } from '../core/access.ts'
import { helpOf, troubles } from '../core/counter-help.ts'
import { duration } from '../core/duration.ts'
import { oneLine } from '../core/printable.ts'
import { atResolution, hasNoValue, NO_VALUE, scaled, shownIn } from '../core/shown-value.ts'
import type { Wire } from '../core/wire.ts'
import { clockText } from '../lab/clock-text.ts'
import type { InstanceView, LabView } from '../lab/lab-view.ts'
import type { LastValues } from '../lab/last-values.ts'
import { codeName, lastMessage } from '../lab/session-text.ts'
import { at, table } from './table.ts'
import { onOneLine } from './value-text.ts'

/** All instances with their class and operations, one line each. */
export function listTable(lab: LabView, expected: readonly string[] = []): string {
  const names = [...new Set([...lab.instances.keys(), ...expected])].sort()
  if (names.length === 0) return 'no agents\n'
  const rows = names.map((name) => {
    const view = lab.instances.get(name)
    const ops = Object.keys(view?.api?.ops ?? {}).join(', ')
    return [name, view?.presence ? view.state : 'not running', view?.presence?.agent_class ?? '', ops]
  })
  return table([['INSTANCE', 'STATE', 'CLASS', 'OPERATIONS'], ...rows])
}

/** The same as data. */
export function listJson(lab: LabView): unknown {
  return [...lab.instances].map(([instance, { state, presence, api }]) => ({
    instance,
    state,
    agent_class: presence?.agent_class ?? null,
    ops: Object.keys(api?.ops ?? {}),
  }))
}

/** All instances with the states of their operations, as a table for a terminal. */
export function statusTable(lab: LabView, expected: readonly string[] = []): string {
  const names = [...new Set([...lab.instances.keys(), ...expected])].sort()
  if (names.length === 0) return 'no agents\n'
  const rows = names.map((name) => rowOf(name, lab.instances.get(name)))
  return table([['INSTANCE', 'STATE', 'SINCE', 'CLASS', 'HOST', 'OPERATIONS', 'COUNTED'], ...rows])
}

function rowOf(name: string, view: InstanceView | undefined): string[] {
  if (!view?.presence) return [name, 'not running', '', '', '', '', '']
  const { presence, sessions, state } = view
  const ops = [...sessions].map(([op, session]) => `${op} ${stateOf(view, session.op_code)}`)
  const from = sinceOf(view)
  const since = from === undefined ? '' : at(from)
  const where = `${presence.host} pid ${presence.pid}`
  const counted = troubles(presence.counters ?? {}).map(([counter, count]) => `${counter} ${count}`)
  const wrong = [clockText(view) ?? [], counted].flat()
  return [name, state, since, presence.agent_class, where, ops.join(', '), wrong.join(', ')]
}

/**
 * Since when an instance is in its state, unix s; undefined if it was lost before anybody here connected, on
 * a foreign broker.
 */
function sinceOf({ presence, state, left }: InstanceView): number | undefined {
  if (state === 'online') return presence?.since
  // A will carries the time when its agent connected.
  const isUnsaid = presence?.state === 'lost' && presence.left === undefined && left === presence.time
  return isUnsaid ? undefined : left
}

/**
 * A finished operation keeps its state when its agent is gone; a running one counts as lost with the agent.
 */
function stateOf({ state }: InstanceView, code: number): string {
  const name = codeName(code)
  return state === 'online' || name === 'succeeded' || name === 'failed' ? name : 'lost'
}

/** The same as data. */
export function statusJson(lab: LabView, only?: string, last: LastValues = new Map()): unknown {
  const shown = [...lab.instances].filter(([instance]) => only === undefined || instance === only)
  return shown.map(([instance, { presence, sessions, state }]) => ({
    instance,
    state,
    presence,
    ops: Object.fromEntries(sessions),
    ...(only !== undefined && { last: Object.fromEntries(last) }),
  }))
}

/** One instance: its operations, feeds and counters. `now`: unix seconds. */
export function instanceStatus(name: string, view: InstanceView, last: LastValues, now: number): string {
  const { presence, api, state } = view
  const from = sinceOf(view)
  const began = state === 'online' ? 'since' : 'begun'
  const where = presence ? ` on ${presence.host}, pid ${presence.pid}, ${began} ${at(presence.since)}` : ''
  const gone = state !== 'online' && from !== undefined ? ` since ${at(from)}` : ''
  const parts = [`${name} is ${state}${gone}: ${presence?.agent_class ?? 'agent'}${where}\n`]
  const clock = clockText(view)
  if (clock !== undefined) parts.push(`${clock}: its samples carry wrong times\n`)
  if (presence?.lock) parts.push(`${lockedText(presence.lock)}\n`)
  const ops = operationRows(view, now)
  if (ops.length > 0)
    parts.push(table([['OPERATION', 'KIND', 'STATE', 'AGE', 'STARTED BY', 'LAST MESSAGE'], ...ops]))
  const feeds = Object.entries(api?.feeds ?? {}).flatMap(([feed, { blocks }]) => {
    const values = last.get(feed)
    const age = typeof values?.['timestamp'] === 'number' ? duration(now - values['timestamp']) : 'no data'
    return Object.values(blocks).flatMap((fields) =>
      Object.entries(fields).map(([field, { type, units = null, description = '', resolution = null }]) => {
        const as = shownIn({ units, resolution })
        const value = values?.[field]
        const text = hasNoValue(type, value) ? NO_VALUE : value === undefined ? '' : readingText(value, as)
        return [feed, field, text, as.units ?? '', age, description]
      }),
    )
  })
  if (feeds.length > 0) parts.push(table([['FEED', 'FIELD', 'VALUE', 'UNITS', 'AGE', 'WHAT'], ...feeds]))
  const counters = Object.entries(presence?.counters ?? {}).map(([counter, n]) => [
    counter,
    String(n),
    helpOf(counter),
  ])
  if (counters.length > 0) parts.push(table([['COUNTER', 'VALUE', 'WHAT'], ...counters]))
  return parts.join('\n')
}

/** A reading in its units, with the digits of its resolution, if one is declared. */
function readingText(value: Wire, { resolution, factor }: ReturnType<typeof shownIn>): string {
  if (typeof value !== 'number') return onOneLine(value)
  const shown = scaled(value, factor)
  return resolution === null ? onOneLine(shown) : atResolution(shown, resolution)
}

function operationRows(view: InstanceView, now: number): string[][] {
  const names = [...new Set([...Object.keys(view.api?.ops ?? {}), ...view.sessions.keys()])]
  return names.map((op) => {
    const kind = view.api?.ops[op]?.kind ?? ''
    const session = view.sessions.get(op)
    if (!session) return [op, kind, 'none', '', '', '']
    const age =
      session.end_time === null
        ? duration(now - session.start_time)
        : `${duration(now - session.end_time)} ago`
    return [op, kind, stateOf(view, session.op_code), age, session.started_by, lastMessage(session)]
  })
}

/** One operation with its whole session. */
export function opStatus(instance: string, op: string, view: InstanceView, now: number): string {
  const kind = view.api?.ops[op]?.kind ?? 'operation'
  const session = view.sessions.get(op)
  if (!session) return `${instance} ${op} (${kind}) has not run yet\n`
  const { start_time, end_time, started_by, session_id, data, messages } = session
  const took = duration((end_time ?? now) - start_time)
  const lines = [
    `${instance} ${op} (${kind}): ${stateOf(view, session.op_code)}`,
    `session   ${session_id}, started by ${started_by}`,
    `started   ${at(start_time)}`,
    end_time === null ? `runs for  ${took}` : `ended     ${at(end_time)}, after ${took}`,
    'data',
    ...JSON.stringify(data, undefined, 2)
      .split('\n')
      .map((line) => `  ${line}`),
    'messages',
    ...messages.map(([time, text]) => `  ${at(time)} ${oneLine(text)}`),
  ]
  return `${lines.join('\n')}\n`
}
