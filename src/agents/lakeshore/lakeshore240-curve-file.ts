/** Calibration curves as `.340` text: Lake Shore's own files and those of others, who order and spell their heads otherwise. */
import { messageOf, OpError } from '../../core/errors.ts'
import { decimal, integer } from '../../instrument/codec.ts'

/** Breakpoints that a channel holds. */
const LENGTH = 200

/** A calibration curve: format 2 V/K, 3 Ω/K, 4 log Ω/K; limit in K; coefficient 1 negative, 2 positive. */
export interface Curve {
  readonly name: string
  readonly serialNumber: string
  readonly format: number
  readonly limit: number
  readonly coefficient: number
  readonly points: readonly Point[]
}
interface Point {
  readonly units: number
  readonly kelvin: number
}

/** Lines of the head by what they say, letters alone, as they are spelt. */
const KEYS = {
  name: ['sensormodel', 'curvename', 'sensortype', 'sensorname', 'name', 'model'],
  serialNumber: ['serialnumber', 'serialno', 'sensorserialnumber', 'sn'],
  format: ['dataformat', 'curveformat', 'format'],
  limit: ['setpointlimit', 'temperaturelimit', 'limit'],
  coefficient: ['temperaturecoefficient', 'tempcoefficient', 'tempco', 'coefficient'],
  count: ['numberofbreakpoints', 'numberofpoints', 'noofbreakpoints', 'breakpoints', 'points'],
} as const
type Key = keyof typeof KEYS
const SPELT: Readonly<Record<Key, string>> = {
  name: 'Sensor Model',
  serialNumber: 'Serial Number',
  format: 'Data Format',
  limit: 'SetPoint Limit',
  coefficient: 'Temperature coefficient',
  count: 'Number of Breakpoints',
}
const FORMATS = new Map([
  ['volts/kelvin', 2],
  ['v/k', 2],
  ['ohms/kelvin', 3],
  ['ohm/k', 3],
  ['log ohms/kelvin', 4],
  ['log ohm/k', 4],
])

/** What a line of the head says, and where. */
interface Line {
  readonly value: string
  /** What stands in brackets behind it. */
  readonly said: string
  readonly at: number
}
type Fail = (line: number, what: string) => OpError

/**
 * Reads `.340` text: lines `Key: value (comment)` in any order, then `number units temperature` a line, with titles and
 * blank lines between. Keys that are not known are passed over; points with falling units are turned round; a coefficient
 * that is not given follows from the points. What remains in doubt is refused.
 * @throws OpError naming file and line
 */
export function parseCurve(file: string, content: string): Curve {
  const fail: Fail = (line, what) => new OpError(`${file}:${line}: ${what}`)
  const lines = content.replace(/^\uFEFF/, '').split(/\r?\n/)
  const begin = lines.findIndex((line) => /^\s*[+-]?\d/.test(line))
  const end = begin < 0 ? lines.length : begin
  const head = headOf(lines.slice(0, end), fail)
  const points = pointsOf(lines, end, fail)
  const given = (key: Key): Line => {
    const line = head.get(key)
    if (line) return line
    throw fail(end, `there is no line "${SPELT[key]}: …" above this`)
  }
  const read = (key: Key, { decode }: { decode(text: string): number }) => {
    const { value, at } = given(key)
    try {
      return decode(value.replace(/\s*K(elvin)?$/, ''))
    } catch (error) {
      throw fail(at, `${SPELT[key]}: ${messageOf(error)}`)
    }
  }
  const count = read('count', integer)
  const { at } = given('count')
  if (points.length !== count) throw fail(at, `${count} breakpoints announced, ${points.length} found`)
  if (count < 2 || count > LENGTH)
    throw fail(at, `a curve has 2 to ${LENGTH} breakpoints, but this one has ${count}`)
  const limit = read('limit', decimal)
  if (limit <= 0) throw fail(given('limit').at, `limit ${limit} is not a temperature in K`)
  const cut = (key: Key, length: number) => given(key).value.replaceAll(',', ' ').slice(0, length).trim()
  return {
    name: cut('name', 15),
    serialNumber: cut('serialNumber', 10),
    format: formatOf(given('format'), fail),
    limit,
    coefficient: coefficientOf(head.get('coefficient'), points, fail),
    points,
  }
}

function headOf(lines: readonly string[], fail: Fail): ReadonlyMap<Key, Line> {
  const head = new Map<Key, Line>()
  for (const [i, line] of lines.entries()) {
    const [, key, value = '', said = ''] = /^([^:]*):\s*(.*?)\s*(?:\(([^()]*)\))?\s*$/.exec(line) ?? []
    if (key === undefined) continue
    const letters = key.toLowerCase().replaceAll(/[^a-z]/g, '')
    const known = (Object.keys(KEYS) as Key[]).find((one) =>
      (KEYS[one] as readonly string[]).includes(letters),
    )
    if (!known) continue
    if (head.has(known)) throw fail(i + 1, `${SPELT[known]} appears twice`)
    head.set(known, { value, said, at: i + 1 })
  }
  return head
}

/** The points from a line on, with rising units. The title above says which column is which. */
function pointsOf(lines: readonly string[], begin: number, fail: Fail): readonly Point[] {
  const title =
    lines.slice(0, begin).findLast((line) => /temp|kelvin/i.test(line) && !line.includes(':')) ?? ''
  if (/\bC\b|°C|celsius/i.test(title)) throw fail(begin, `temperatures are expected in K: "${title.trim()}"`)
  const isTurned =
    /units|ohm|volt/i.test(title) &&
    title.search(/temp/i) >= 0 &&
    title.search(/temp/i) < title.search(/units|ohm|volt/i)
  const points: Point[] = []
  const places: number[] = []
  for (const [i, line] of lines.entries()) {
    if (i < begin || line.trim() === '') continue
    const expected = `${points.length + 1} ${isTurned ? 'TEMPERATURE UNITS' : 'UNITS TEMPERATURE'}`
    const words = line.trim().split(/\s*,\s*|\s+/)
    try {
      const [number, first, second, ...more] = words.map((word) => decimal.decode(word))
      if (number !== points.length + 1 || first === undefined || second === undefined || more.length > 0)
        throw new Error('too many or missing words')
      points.push(isTurned ? { units: second, kelvin: first } : { units: first, kelvin: second })
      places.push(i + 1)
    } catch (cause) {
      throw Object.assign(fail(i + 1, `expected "${expected}", got "${line.trim()}"`), { cause })
    }
  }
  const [first, second] = points
  const falls = first !== undefined && second !== undefined && second.units < first.units
  for (const [i, { units, kelvin }] of points.entries()) {
    const before = points[i - 1]
    const at = places[i] ?? begin
    if (kelvin <= 0) throw fail(at, `${kelvin} K is not a temperature`)
    if (before && (falls ? units >= before.units : units <= before.units))
      throw fail(at, `units ${units} after ${before.units}: they must ${falls ? 'fall' : 'rise'} throughout`)
    const [a = kelvin, b = kelvin] = [points[0]?.kelvin, points.at(-1)?.kelvin]
    if (before && (b > a ? kelvin < before.kelvin : kelvin > before.kelvin))
      throw fail(at, `${kelvin} K after ${before.kelvin} K: temperatures change direction here`)
  }
  return falls ? points.toReversed() : points
}

/** `4 (Log Ohms/Kelvin)`, or either of both. */
function formatOf({ value, said, at }: Line, fail: Fail): number {
  const wordsOf = (text: string) => FORMATS.get(text.trim().toLowerCase())
  const number = /^\d+$/.test(value) ? Number(value) : wordsOf(value)
  if (number === undefined || ![2, 3, 4].includes(number))
    throw fail(at, `format ${value}: the module supports 2, 3 and 4`)
  if ((wordsOf(said) ?? number) !== number) throw fail(at, `format ${value} is not "${said}"`)
  return number
}

/** 1 where the temperature falls as the units rise, 2 where it rises. */
function coefficientOf(line: Line | undefined, points: readonly Point[], fail: Fail): number {
  const follows = (points.at(-1)?.kelvin ?? 0) < (points[0]?.kelvin ?? 0) ? 1 : 2
  if (!line) return follows
  const { value, at } = line
  const given = new Map([
    ...['1', 'negative'].map((word) => [word, 1] as const),
    ...['2', 'positive'].map((word) => [word, 2] as const),
  ]).get(value.toLowerCase())
  if (given === undefined) throw fail(at, `coefficient "${value}" is neither 1 nor 2`)
  if (given !== follows)
    throw fail(at, `coefficient ${value}, but temperatures ${follows === 1 ? 'fall' : 'rise'} as units rise`)
  return given
}
