import { numeric } from '../../lab/fetch-curves.ts'
import { badRequest } from '../http.ts'
import { aggregated, aggregateOf } from './aggregate.ts'
import { type GraphiteFunction, type Param, SERIES, secondsOf } from './declaration.ts'
import { changed, type Line, mapped, type Point, type Value, withUnit } from './line.ts'

const FACTOR = (name: string): Param => ({ name, type: 'float', required: true })
/** Maximum number of values that `summarize` may return. */
const MOST_BOXES = 20_000
const WRAP: readonly Param[] = [
  { name: 'maxValue', type: 'float' },
  { name: 'minValue', type: 'float' },
]

/**
 * Functions that compute other values for one line. The formulas are those of graphite-web 1.1.8, except that
 * rates are not rounded to six digits: 1 µK/s would be lost.
 */
export const TRANSFORM: Readonly<Record<string, GraphiteFunction>> = {
  scale: arithmetic('scale', 'factor', 'Multiplies by a number.', (value, by) => value * by),
  offset: arithmetic('offset', 'factor', 'Adds a number.', (value, by) => value + by),
  absolute: {
    group: 'Transform',
    description: 'The absolute value.',
    params: [SERIES],
    act: each((line) => changed(line, `absolute(${line.target})`, mapped(line, Math.abs))),
  },
  derivative: {
    group: 'Transform',
    description: 'The difference of each value from the one before it.',
    params: [SERIES],
    evenly: true,
    act: each((line) =>
      changed(
        line,
        `derivative(${line.target})`,
        steps(line, (value, before) => value - before),
      ),
    ),
  },
  nonNegativeDerivative: {
    group: 'Transform',
    description: 'The same for counters, which only grow: where the value falls there is none.',
    params: [SERIES, ...WRAP],
    evenly: true,
    act: each((line, values) =>
      changed(line, `nonNegativeDerivative(${line.target})`, steps(line, growth(values))),
    ),
  },
  perSecond: {
    group: 'Transform',
    description:
      'Increase per second, for counters: where the value falls there is none. For values that also fall, as in a cooldown, use scaleToSeconds(derivative(x), 1).',
    params: [SERIES, ...WRAP],
    evenly: true,
    act: each((line, values) => {
      const grown = growth(values)
      const datapoints = steps(line, (value, before, seconds) => {
        const by = grown(value, before)
        return by === null ? null : by / seconds
      })
      return changed(line, `perSecond(${line.target})`, datapoints, { tags: perUnit(line) })
    }),
  },
  scaleToSeconds: {
    group: 'Transform',
    description:
      'Converts counts per point to counts per a number of seconds: scaleToSeconds(derivative(x), 60).',
    params: [SERIES, { name: 'seconds', type: 'integer', required: true }],
    evenly: true,
    act: each((line, [seconds]) => {
      const apart = distances(line)
      const datapoints = line.datapoints.map(([value, time], i): Point => {
        const step = apart[i] ?? 0
        return [value === null || step <= 0 ? null : numeric((value * Number(seconds)) / step), time]
      })
      const tags = Number(seconds) === 1 ? perUnit(line) : withUnit(line.tags, undefined)
      return changed(line, `scaleToSeconds(${line.target},${seconds})`, datapoints, { tags })
    }),
  },
  integral: {
    group: 'Transform',
    description: 'The sum of all values so far.',
    params: [SERIES],
    evenly: true,
    act: each((line) => {
      let sum = 0
      return changed(
        line,
        `integral(${line.target})`,
        mapped(line, (value) => (sum += value)),
      )
    }),
  },
  keepLastValue: {
    group: 'Transform',
    description: 'Fills missing points with the last value, at most `limit` in a row.',
    params: [SERIES, { name: 'limit', type: 'integer' }],
    act: each((line, [limit]) => {
      const kept = keepLast(line.datapoints, limit === undefined ? Infinity : Number(limit))
      return changed(line, `keepLastValue(${line.target})`, kept)
    }),
  },
  summarize: {
    group: 'Transform',
    description: 'One value per time span: its sum or another aggregate.',
    params: [
      SERIES,
      { name: 'intervalString', type: 'interval', required: true, suggestions: ['10min', '1h', '1d'] },
      { name: 'func', type: 'aggFunc', default: 'sum' },
      { name: 'alignToFrom', type: 'boolean', default: false },
    ],
    evenly: true,
    act: each((line, [interval, by = 'sum', toFrom = false]) =>
      summarized(line, String(interval), String(by), toFrom),
    ),
  },
  timeShift: {
    group: 'Transform',
    description: 'Shifts a line in time: shows earlier values, or with + later ones.',
    params: [
      SERIES,
      { name: 'timeShift', type: 'interval', required: true, suggestions: ['1h', '1d', '7d', '30d'] },
      { name: 'resetEnd', type: 'boolean', default: true },
    ],
    reach: (span, [shift]) => {
      const ms = 1000 * shiftOf(shift)
      return { ...span, from: span.from + ms, to: span.to + ms }
    },
    act: each((line, [shift]) => {
      const by = shiftOf(shift)
      const datapoints = line.datapoints.map(([value, time]): Point => [value, time - by])
      return changed(line, `timeShift(${line.target}, "${signed(String(shift))}")`, datapoints)
    }),
  },
}

function each(act: (line: Line, values: readonly Value[]) => Line): GraphiteFunction['act'] {
  return ({ series: [lines = []], values }) => lines.map((line) => act(line, values))
}

function arithmetic(
  name: string,
  param: string,
  description: string,
  act: (value: number, by: number) => number,
): GraphiteFunction {
  return {
    group: 'Transform',
    description,
    params: [SERIES, FACTOR(param)],
    act: each((line, [by]) =>
      changed(
        line,
        `${name}(${line.target},${by})`,
        mapped(line, (value) => act(value, Number(by))),
      ),
    ),
  }
}

/** Applies a function to each value, the one before it, and the seconds between; null if one is missing. */
function steps(
  { datapoints }: Line,
  act: (value: number, before: number, seconds: number) => number | null,
): Point[] {
  return datapoints.map(([value, time], i) => {
    const [before = null, then = 0] = datapoints[i - 1] ?? []
    return [value === null || before === null ? null : numeric(act(value, before, time - then)), time]
  })
}

/** Seconds from the previous point to each point; for the first, those to the next. */
function distances({ datapoints }: Line): number[] {
  return datapoints.map(([, time], i) => {
    const before = datapoints[i - 1]?.[1]
    return before === undefined ? (datapoints[1]?.[1] ?? time) - time : time - before
  })
}

/** The increase of a counter that, after its maximum, starts again at its minimum. */
function growth([most, least]: readonly Value[]): (value: number, before: number) => number | null {
  const [max, min] = [most, least].map((value) => (value === undefined ? undefined : Number(value)))
  const isIn = (value: number) => (max === undefined || value <= max) && (min === undefined || value >= min)
  return (value, before) => {
    if (!isIn(value) || !isIn(before)) return null
    if (value >= before) return value - before
    if (max !== undefined) return max + 1 + value - before - (min ?? 0)
    return min === undefined ? null : value - min
  }
}

function perUnit(line: Line): Line['tags'] {
  const { unit } = line.tags
  return withUnit(line.tags, unit === undefined ? undefined : `${unit}/s`)
}

function keepLast(datapoints: readonly Point[], limit: number): Point[] {
  const kept = [...datapoints]
  let [last, missing]: [number | null, number] = [null, 0]
  const fill = (end: number) => {
    if (last === null || missing > limit) return
    for (let i = end - missing; i < end; i++) kept[i] = [last, datapoints[i]?.[1] ?? 0]
  }
  for (const [i, [value]] of datapoints.entries()) {
    if (value === null) {
      missing++
      continue
    }
    fill(i)
    ;[last, missing] = [value, 0]
  }
  fill(datapoints.length)
  return kept
}

function summarized(line: Line, interval: string, name: string, toFrom: Value): Line {
  const width = Math.abs(secondsOf(interval) ?? 1) || 1
  const by = aggregateOf(name)
  const start = toFrom === true ? (line.datapoints[0]?.[1] ?? 0) : 0
  const boxes = Map.groupBy(line.datapoints, ([, time]) => Math.floor((time - start) / width))
  const [first = 0, last = -1] = [Math.min(...boxes.keys()), Math.max(...boxes.keys())]
  if (last - first >= MOST_BOXES)
    throw badRequest(`summarize: more than ${MOST_BOXES} intervals of "${interval}": use a longer one`)
  const datapoints = Array.from({ length: boxes.size === 0 ? 0 : last - first + 1 }, (_, i): Point => {
    const values = (boxes.get(first + i) ?? []).map(([value]) => value)
    return [numeric(aggregated(values, by)), start + (first + i) * width]
  })
  const target = `summarize(${line.target}, "${interval}", "${name}"${toFrom === true ? ', true' : ''})`
  return changed(line, target, datapoints, { step: width })
}

/** Without a sign it means back in time. */
const signed = (shift: string) => (/^\d/.test(shift) ? `-${shift}` : shift)
const shiftOf = (shift: Value | undefined) => secondsOf(signed(String(shift))) ?? 0
