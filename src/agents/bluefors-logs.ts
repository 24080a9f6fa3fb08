/** The lines of the logs that a Bluefors LD writes; names of blocks and fields are those of socs. */
import { basename } from 'node:path'
import type { FieldSpec } from '../core/agent.ts'
import { TransportError } from '../core/errors.ts'

/** A line as it is published. */
export interface LogLine {
  readonly block: string
  /** Unix s. */
  readonly time: number
  readonly values: Readonly<Record<string, number>>
  readonly fields: Readonly<Record<string, FieldSpec>>
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i
const UNITS = { t: 'K', r: 'Ω', p: 'W' }
const double = (description: string): FieldSpec => ({ description })

/** `CH6 T 21-05-27.log`: a channel's temperature, resistance or excitation power. */
const LAKESHORE = /(CH\d+) ([TRP])\b/i

/**
 * Takes a line apart by the name of its log. Nothing for logs that have no numbers (Errors), and for unknown ones.
 * @throws TransportError for a line that does not fit
 */
export function parseLine(path: string, line: string): LogLine | undefined {
  const name = basename(path)
  const [date = '', clock = '', ...rest] = line
    .trim()
    .split(',')
    .map((word) => word.trim())
  const found = valuesOf(name, rest)
  if (!found) return undefined
  const time = timeOf(date, clock)
  const whole = Object.values(found.values).length > 0 && Object.values(found.values).every(Number.isFinite)
  if (time === undefined || !whole)
    throw new TransportError(`${name}: not a line of this log: ${JSON.stringify(line.slice(0, 80))}`)
  return { time, ...found }
}

function valuesOf(name: string, words: readonly string[]): Omit<LogLine, 'time'> | undefined {
  const lakeshore = LAKESHORE.exec(name)
  if (lakeshore) {
    const block = `lakeshore_${lakeshore[1]}_${lakeshore[2]}`.toLowerCase()
    const units = UNITS[(lakeshore[2] ?? '').toLowerCase() as keyof typeof UNITS]
    return { block, values: { [block]: numberOf(words[0]) }, fields: { [block]: { units } } }
  }
  if (/Flowmeter/i.test(name))
    return {
      block: 'flowmeter',
      values: { flowmeter: numberOf(words[0]) },
      fields: { flowmeter: { units: 'mmol/s' } },
    }
  if (/maxigauge/i.test(name)) return gauges(words)
  if (/Channels/i.test(name))
    return pairs('channels', words.slice(words.length % 2), { type: 'int', description: '1 on, 0 off' })
  if (/Status/i.test(name)) return pairs('status', words, double('as in the log of this name'))
  if (/heaters/i.test(name)) return pairs('heaters', words, double('as in the log of this name'))
  return undefined
}

/** `CH1,name,1,4.37e-05,0,1,CH2,…`: number, name, state, pressure. */
function gauges(words: readonly string[]): Omit<LogLine, 'time'> {
  const values: Record<string, number> = {}
  const fields: Record<string, FieldSpec> = {}
  for (const [at, word] of words.entries()) {
    const [, channel] = /^CH(\d+)$/.exec(word) ?? []
    if (!channel) continue
    const field = `pressure_ch${channel}`
    values[`${field}_state`] = numberOf(words[at + 2])
    values[field] = numberOf(words[at + 3])
    fields[`${field}_state`] = { type: 'int', description: '1 on, 0 off' }
    fields[field] = { units: 'mbar', ...(words[at + 1] && { description: words[at + 1] }) }
  }
  return { block: 'maxigauge', values, fields }
}

/** `v11,0,v2,1,…`: whatever names there are. */
function pairs(block: string, words: readonly string[], spec: FieldSpec): Omit<LogLine, 'time'> {
  const names = words.filter((_, at) => at % 2 === 0 && words[at + 1] !== undefined)
  const entries = names.map((word, at) => [word.replaceAll('-', '_'), numberOf(words[2 * at + 1])] as const)
  return {
    block,
    values: Object.fromEntries(entries),
    fields: Object.fromEntries(entries.map(([name]) => [name, spec])),
  }
}

const numberOf = (word = ''): number => (NUMBER.test(word) ? Number(word) : Number.NaN)

/** `27-05-21`, `00:00:59`, the local time of the machine that wrote it: taken for that of this one. */
function timeOf(date: string, clock: string): number | undefined {
  const [, day, month, year] = /^(\d\d)-(\d\d)-(\d\d)$/.exec(date) ?? []
  const [, hour, minute, second] = /^(\d\d):(\d\d):(\d\d)$/.exec(clock) ?? []
  if (!year || !second) return undefined
  const [y, mo, d] = [2000 + Number(year), Number(month) - 1, Number(day)]
  return new Date(y, mo, d, Number(hour), Number(minute), Number(second)).getTime() / 1000
}
