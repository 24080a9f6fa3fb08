import { counted } from '../core/counted.ts'
import { duration } from '../core/duration.ts'
import { oneLine } from '../core/printable.ts'
import { NO_VALUE } from '../core/shown-value.ts'
import type { AlarmStatus, LabStatus, RecorderStatus, RoleStatus } from '../lab/lab-status.ts'
import { fold } from './fold.ts'
import { listed } from './redraw.ts'
import { at, table } from './table.ts'

/** The most characters of an instance's name, and the least of its state. */
const NAME_WIDTH = 18
const DOES_WIDTH = 12
/** Column heads. Some rows TO RECORD are normal: a frame is written once a minute or so. */
const HEAD = ['ROLE', 'DOES', 'AGE', 'RATE', 'TO RECORD']
/** Width of the table without its first two columns, including the blanks between columns. */
const NUMBERS_WIDTH = 9 + 8 + 9 + 4 * 2

/**
 * A lab on one screen of `columns` × `rows` characters, problems first. If there is no room for one line per
 * role, healthy roles share lines. Without `rows` nothing is left out.
 */
export function statusScreen(status: LabStatus, columns: number, rows = Number.POSITIVE_INFINITY): string[] {
  const { roles, recorders, alarms } = status
  const bad = roles.filter(isBad)
  const well = roles.filter((role) => !isBad(role))
  // Output that is printed once may be wider than the screen: the reason is often at the end of a line.
  const isWhole = rows === Number.POSITIVE_INFINITY
  const cut = (line: string) => (isWhole || line.length < columns ? line : `${line.slice(0, columns - 2)}…`)
  const away =
    status.not_recording === null || !status.hub.connected
      ? []
      : [`NOT RECORDING: ${oneLine(status.not_recording)}`]
  const open = status.hub.insecure
    ? ['INSECURE: anyone who can reach the hub may do anything (--insecure)']
    : []
  const top = [
    ...headline(status, columns - 1),
    ...open,
    ...away,
    ...(alarms ?? []).map((alarm) => alarmLine(alarm, status.time)),
  ]
  const end = [
    ...recorders.map(recorderLine),
    ...roles.flatMap((role) => nothingLine(role)),
    ...roles.flatMap((role) => counterLine(role)),
    ...(alarms === undefined ? ['alarms: no alarm agent runs'] : []),
  ]
  const troubles = bad.flatMap(({ instance, trouble }) =>
    trouble ? [`${instance} ${oneLine(trouble)}`] : [],
  )
  const full = ['', ...roleTable([...bad, ...well], columns), '', ...end].map(cut)
  const told = troubles.map(cut)
  if (top.length + told.length + full.length < rows) return [...top.map(cut), ...told, ...full]
  const names = listed('well:', well.map(shortRole), columns - 1)
  const room = rows - 1 - top.length - names.length - end.length
  // If they do not all fit, the table's head is left out.
  const listing = bad.length > 0 ? roleTable(bad, columns) : []
  const shown = listing.slice(listing.length > room ? 1 : 0).slice(0, Math.max(0, room))
  const more = troubles.slice(0, Math.max(0, room - shown.length))
  return [...top, ...more, ...shown, ...names, ...end].map(cut)
}

function headline({ time, hub, roles, alarms }: LabStatus, width: number): string[] {
  const [url = '', ...others] = hub.url.split(',')
  if (!hub.connected) return fold([at(time), `no hub at ${url}`, ...others, '(last known state)'], width)
  const well = roles.filter((role) => !isBad(role)).length
  const raised = alarms?.length ? [`ALARMS: ${alarms.length}`] : []
  const nothing = roles.reduce((sum, { without_value }) => sum + without_value.length, 0)
  const but = nothing > 0 ? `, ${counted(nothing, 'field')} NaN` : ''
  return fold(
    [at(time), `${well} of ${counted(roles.length, 'role')} well${but}`, ...raised, url, ...others],
    width,
  )
}

function alarmLine({ name, severity, state, text, since, acknowledged }: AlarmStatus, time: number): string {
  const age = since === null ? '' : ` for ${duration(time - since)}`
  const what = acknowledged ? 'acknowledged' : state === 'latched' ? 'over, not acknowledged' : severity
  return `! ${name} (${what}${age}): ${oneLine(text)}`
}

function recorderLine({ instance, feeds, stale, behind, unwritten, file, problem }: RecorderStatus): string {
  if (problem) return `${instance}: ${oneLine(problem)}`
  const silent = stale > 0 ? ` (${stale} silent)` : ''
  const counts = [
    `${counted(feeds, 'feed')}${silent}`,
    `${counted(behind, 'row')} behind`,
    `${unwritten} to write`,
  ]
  return `${instance}: ${[...counts, ...(file ? [lastParts(file)] : [])].join(', ')}`
}

/** The fields of a healthy role without a value. */
function nothingLine({ instance, without_value }: RoleStatus): string[] {
  if (without_value.length === 0) return []
  return [`${instance}: ${NO_VALUE} (NaN) of ${without_value.join(', ')}`]
}

function counterLine({ instance, counters }: RoleStatus): string[] {
  const all = Object.entries(counters).map(([counter, count]) => `${counter} ${count}`)
  return all.length > 0 ? [`${instance}: ${all.join(', ')}`] : []
}

function roleTable(roles: readonly RoleStatus[], columns: number): string[] {
  if (roles.length === 0) return ['no agents']
  const name = Math.min(NAME_WIDTH, Math.max(...roles.map(({ instance }) => instance.length), 4))
  const does = Math.max(DOES_WIDTH, columns - 1 - name - NUMBERS_WIDTH)
  const body = roles.map((role) => [
    fit(role.instance, name),
    fit(doing(role), does),
    role.age === null ? '' : duration(role.age),
    role.rate === null ? '' : perSecond(role.rate),
    role.waiting === null ? '' : `${role.waiting}`,
  ])
  return table([HEAD, ...body])
    .trimEnd()
    .split('\n')
}

/** What a role does, in a few words. */
function doing({ state, ops, restarts }: RoleStatus): string {
  const again = restarts ? ` (restarts: ${restarts})` : ''
  if (state !== 'online') return `${state}${again}`
  const under = Object.entries(ops).filter(([, is]) => !['succeeded', 'none'].includes(is))
  return `${under.map(([op, is]) => `${op} ${is}`).join(', ') || 'idle'}${again}`
}

/** A healthy role in a word or two. */
function shortRole({ instance, rate }: RoleStatus): string {
  return rate === null ? instance : `${instance} ${perSecond(rate)}`
}

/** Whether a role is missing although it should run, or is running and failing. */
function isBad({ state, ops, trouble }: RoleStatus): boolean {
  if (state === 'running' || state === 'down') return false
  return state !== 'online' || trouble !== null || Object.values(ops).some((is) => is === 'degraded')
}

function perSecond(rate: number): string {
  return `${rate === 0 || rate >= 9.95 ? rate.toFixed(0) : Number(rate.toPrecision(2))} /s`
}

function lastParts(path: string): string {
  return path.split('/').slice(-2).join('/')
}

function fit(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`
}
