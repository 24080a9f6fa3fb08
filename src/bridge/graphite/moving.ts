import { numeric } from '../../lab/fetch-curves.ts'
import { badRequest } from '../http.ts'
import { aggregateOf } from './aggregate.ts'
import { type GraphiteFunction, SERIES, secondsOf } from './declaration.ts'
import { changed, type Line, type Point, type Value } from './line.ts'

/**
 * Functions of a window that moves along a line: a number of values before each point, or a length of time.
 */
export const MOVING: Readonly<Record<string, GraphiteFunction>> = {
  movingAverage: moving('movingAverage', 'average', 'The mean of the values before each point.'),
  movingMedian: moving('movingMedian', 'median', 'The median of the values before each point.'),
  movingMin: moving('movingMin', 'min', 'The smallest of the values before each point.'),
  movingMax: moving('movingMax', 'max', 'The largest of the values before each point.'),
  movingSum: moving('movingSum', 'sum', 'The sum of the values before each point.'),
}

/** Maximum number of values in all windows of one line. */
const MOST_VALUES = 20_000_000

function moving(name: string, aggregate: string, description: string): GraphiteFunction {
  const by = aggregateOf(aggregate)
  return {
    group: 'Calculate',
    description,
    params: [
      SERIES,
      {
        name: 'windowSize',
        type: 'intOrInterval',
        required: true,
        suggestions: [5, 10, '1min', '5min', '1h'],
      },
      { name: 'xFilesFactor', type: 'float' },
    ],
    evenly: true,
    reach: ({ from, to, points }, [size], rhythm) => {
      // The interval between points is that of the samples, or of the points shown where samples are left
      // out.
      const apart = () => Math.max(1000 * rhythm(), (2 * (to - from)) / Math.max(2, points - 1))
      const before = typeof size === 'number' ? size * apart() : 1000 * lengthOf(size)
      return { from: from - before, to, points: Math.ceil(points * (1 + before / Math.max(1, to - from))) }
    },
    act: ({ series: [lines = []], values: [size, factor], span }) =>
      lines.map((line) => {
        const text = typeof size === 'string' ? `"${size}"` : String(size)
        const datapoints = windows(line, size, Number(factor ?? 0), by)
        const shown = datapoints.filter(([, time]) => 1000 * time >= span.from)
        return changed(line, `${name}(${line.target},${text})`, shown)
      }),
  }
}

const lengthOf = (size: Value | undefined) => Math.abs(secondsOf(size) ?? 0)

/** The result for the window before each point: null if less than that share of its points has a value. */
function windows(
  { datapoints, step }: Line,
  size: Value | undefined,
  share: number,
  by: (values: readonly number[]) => number,
): Point[] {
  const isCount = typeof size === 'number'
  const length = lengthOf(size)
  const full = isCount ? size : Math.max(1, Math.floor(length / (step || 1)))
  if (datapoints.length * Math.min(full, datapoints.length) > MOST_VALUES)
    throw badRequest(
      `a window of ${full} points over ${datapoints.length} is too much: use a shorter one or fewer points`,
    )
  let first = 0
  return datapoints.map(([, time], i) => {
    while (first < i && (isCount ? first < i - size : (datapoints[first]?.[1] ?? 0) < time - length)) first++
    const present = datapoints.slice(first, i).flatMap(([value]) => (value === null ? [] : [value]))
    const enough = present.length > 0 && present.length / full >= share
    return [enough ? numeric(by(present)) : null, time]
  })
}
