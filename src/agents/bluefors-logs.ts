/**
 * Parses the log lines of a Bluefors LD; blocks and fields are named as in socs. An unreadable value is dropped by
 * itself; a line that cannot be split, as with decimal commas, is refused as a whole.
 */
import { basename } from 'node:path'
import type { FieldSpec } from '../core/feed-spec.ts'
import { FieldName, fieldOf } from '../core/names.ts'

/** A part that could not be read: `text` says what and where, `kind` groups equal faults. */
export interface Fault {
  readonly kind: string
  readonly text: string
}

/** A line ready to publish. */
export interface LogLine {
  readonly block: string
  /** Unix s. */
  readonly time: number
  readonly values: Readonly<Record<string, number>>
  readonly fields: Readonly<Record<string, FieldSpec>>
}

/** The values of a line; none for logs without numbers (Errors) and unknown logs. */
export interface Parsed {
  readonly line?: LogLine
  readonly faults: readonly Fault[]
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i
const UNITS = { t: 'K', r: 'Ω', p: 'W' }
const RANGES = { t: [0, 420], r: [0, null], p: [0, null] } as const
const SWITCH: FieldSpec = { type: 'int', description: '1 on, 0 off, -1 not read', unread: -1 }
const AS_NAMED: FieldSpec = { description: 'as in the log of this name' }

/** Words of a line by field name, as written. */
interface Found {
  readonly block: string
  readonly words: readonly (readonly [field: string, word: string, spec: FieldSpec])[]
  /** Why some are left out. */
  readonly left?: readonly string[]
}

/** `CH6 T 21-05-27.log`: a channel's temperature, resistance or excitation power. */
const LAKESHORE = /(CH\d+) ([TRP])\b/i

/** Takes a line apart by the name of its log. Never throws. */
export function parseLine(path: string, line: string): Parsed {
  const name = basename(path)
  const [, log = name, day] = /^(.*?)[ _]?(\d\d-\d\d-\d\d)/.exec(name) ?? []
  const reader = readerOf(name)
  if (!reader) return { faults: [] }
  const fault = (what: string, text: string): Fault => ({
    kind: `${log}: ${what}`,
    text: `${name}: ${text} in ${JSON.stringify(line.slice(0, 80))}`,
  })
  const [date = '', clock = '', ...words] = line.split(',').map((word) => word.trim())
  const time = timeOf(date, clock, day)
  if (time === undefined) return { faults: [fault('time', 'no such time, or not on this log’s day')] }
  const found = reader(words)
  if (typeof found === 'string') return { faults: [fault('line', `not a line of this log (${found})`)] }
  const values: Record<string, number> = {}
  const fields: Record<string, FieldSpec> = {}
  const faults = (found.left ?? []).map((text) => fault(text, text))
  for (const [field, word, spec] of found.words) {
    const value = NUMBER.test(word) ? Number(word) : Number.NaN
    const fits = spec.type === 'int' ? Number.isSafeInteger(value) : Number.isFinite(value)
    if (!fits) faults.push(fault(field, `${field}: ${JSON.stringify(word)} is not a number`))
    if (fits || spec.type !== 'int') values[field] = fits ? value : Number.NaN
    fields[field] = spec
  }
  const isRead = Object.values(values).some(Number.isFinite)
  return isRead ? { line: { block: found.block, time, values, fields }, faults } : { faults }
}

/** Reads the words after the time, by the name of the log; returns a text with the reason if that fails. */
function readerOf(name: string): ((words: readonly string[]) => Found | string) | undefined {
  const lakeshore = LAKESHORE.exec(name)
  if (lakeshore) {
    const block = `lakeshore_${lakeshore[1]}_${lakeshore[2]}`.toLowerCase()
    const quantity = (lakeshore[2] ?? '').toLowerCase() as keyof typeof UNITS
    return single(block, { units: UNITS[quantity], range: RANGES[quantity] })
  }
  if (/Flowmeter/i.test(name)) return single('flowmeter', { units: 'mmol/s' })
  if (/maxigauge/i.test(name)) return gauges
  // The pairs follow a count.
  if (/Channels/i.test(name))
    return (words) => pairs('channels', /^\d+$/.test(words[0] ?? '') ? words.slice(1) : words, SWITCH)
  if (/Status/i.test(name)) return (words) => pairs('status', words, AS_NAMED)
  if (/heaters/i.test(name)) return (words) => pairs('heaters', words, AS_NAMED)
  return undefined
}

/** One value and nothing after it: `4,33e+01` is a number with a decimal comma, not 4. */
function single(block: string, spec: FieldSpec): (words: readonly string[]) => Found | string {
  return (words) => {
    const [word = '', ...more] = ended(words, (count) => count === 2)
    return more.length > 0
      ? 'one value is expected (are there decimal commas?)'
      : { block, words: [[block, word, spec]] }
  }
}

/** Words of a gauge: number, name, state, pressure, status, and one that is always 1. */
const GAUGE = 6

/** `CH1,name,1,4.37e-05,0,1,CH2,…`; a gauge with more words or fewer costs itself. */
function gauges(words: readonly string[]): Found | string {
  const all = ended(words, (count) => count % GAUGE === 1)
  const starts = all.flatMap((word, at) =>
    /^CH\d+$/.test(word) && !/^CH\d+$/.test(all[at - 1] ?? '') ? [at] : [],
  )
  if (starts[0] !== 0) return 'a gauge is expected, CH1,…'
  const found: [string, string, FieldSpec][] = []
  const left: string[] = []
  for (const [i, at] of starts.entries()) {
    const [channel = '', name, state = '', pressure = '', ...rest] = all.slice(at, starts[i + 1])
    const field = `pressure_${channel.toLowerCase()}`
    // A word that is missing in the last one makes the end of the line look like its last.
    const isWhole = rest.length === GAUGE - 4 && rest.at(-1) !== ''
    if (!isWhole) left.push(`${channel}: not the ${GAUGE} words of a gauge`)
    else if (found.some(([other]) => other === field)) left.push(`${channel} appears twice`)
    else {
      found.push([`${field}_state`, state, SWITCH])
      found.push([field, pressure, { units: 'mbar', range: [0, 2000], ...(name && { description: name }) }])
    }
  }
  return { block: 'maxigauge', words: found, left }
}

/** `v11,0,v2,1,…`: whatever names there are, or `0,…,1,…` as newer software numbers its heaters. */
function pairs(block: string, words: readonly string[], spec: FieldSpec): Found | string {
  const all = ended(words, (count) => count % 2 === 1)
  const names = all.filter((_, at) => at % 2 === 0)
  // With decimal commas there is a number where a name is expected.
  const isNamed = names.every((name) => name === '' || (/[a-z]/i.test(name) && !NUMBER.test(name)))
  const isNumbered =
    names.every((name, at) => name === String(Number(names[0]) + at)) && Number(names[0]) <= 1
  if (all.length % 2 === 1 || !(isNamed || isNumbered))
    return 'names and values do not alternate (are there decimal commas?)'
  const found = new Map<string, [string, string, FieldSpec]>()
  const left: string[] = []
  for (const [at, name] of names.entries()) {
    const field = isNumbered ? `${block}_${name}` : fieldOf(name)
    if (name === '' || !FieldName.safeParse(field).success) left.push(`${JSON.stringify(name)} is not a name`)
    else if (found.has(field)) left.push(`${field} appears twice`)
    else found.set(field, [field, all[2 * at + 1] ?? '', spec])
  }
  return { block, words: [...found.values()], left }
}

/** The words without the empty one after a trailing comma, if their number shows that there is one. */
function ended(words: readonly string[], isOver: (count: number) => boolean): readonly string[] {
  return words.at(-1) === '' && isOver(words.length) ? words.slice(0, -1) : words
}

/**
 * Parses `27-05-21`, `00:00:59`, the local time of the machine that wrote it, assumed to be that of this one. Undefined for
 * an invalid time, and for a day other than the log's own, `21-05-27`, or its neighbours: day and month are swapped then.
 */
function timeOf(date: string, clock: string, logDay: string | undefined): number | undefined {
  const [, day, month, year] = /^(\d\d)-(\d\d)-(\d\d)$/.exec(date) ?? []
  const [, hour, minute, second] = /^(\d\d):(\d\d):(\d\d)$/.exec(clock) ?? []
  const [y, mo, d] = [2000 + Number(year), Number(month) - 1, Number(day)]
  const [h, min, s] = [Number(hour), Number(minute), Number(second)]
  const utc = new Date(Date.UTC(y, mo, d))
  if (utc.getUTCMonth() !== mo || utc.getUTCDate() !== d || !(h < 24 && min < 60 && s < 60)) return undefined
  if (logDay !== undefined) {
    const [logYear = 0, logMonth = 0, logDate = 0] = logDay.split('-').map(Number)
    if (Math.abs(utc.getTime() - Date.UTC(2000 + logYear, logMonth - 1, logDate)) > DAY_MS) return undefined
  }
  return new Date(y, mo, d, h, min, s).getTime() / 1000
}
const DAY_MS = 86_400_000
