import { numeric } from '../../lab/fetch-curves.ts'
import { badRequest } from '../http.ts'
import { aggregated, aggregateOf } from './aggregate.ts'
import { type GraphiteFunction, MANY_SERIES, SERIES } from './declaration.ts'
import { changed, type Line, type Point, withUnit } from './line.ts'

/** Maximum ratio of a common step that fits all lines to the longest of their steps. */
const MOST_STEPS = 100

const sum = combining('sum', 'Adds lines up; lines without a value at a time are skipped.')
const average = combining('average', 'The mean of lines at each time.')

/**
 * Functions that make one line of many: lines are first put on common times, where each point is the mean of
 * its own points.
 */
export const COMBINE: Readonly<Record<string, GraphiteFunction>> = {
  sumSeries: sum,
  sum,
  averageSeries: average,
  avg: average,
  minSeries: combining('min', 'The smallest value of the lines at each time.'),
  maxSeries: combining('max', 'The largest value of the lines at each time.'),
  diffSeries: combining('diff', 'The first line minus all others: diffSeries(a, b) is a − b.'),
  divideSeries: {
    group: 'Combine',
    description: 'Divides each line by another one.',
    params: [
      { ...SERIES, name: 'dividendSeriesList' },
      { ...SERIES, name: 'divisorSeries' },
    ],
    evenly: true,
    act: ({ series: [dividends = [], divisors = []] }) => {
      const [divisor] = divisors
      if (divisors.length > 1)
        throw badRequest(`divideSeries: divisorSeries must be one line, not ${divisors.length}`)
      return dividends.map((dividend) => {
        const target = `divideSeries(${dividend.target},${divisor?.target ?? 'MISSING'})`
        const { rows, step } = together(divisor ? [dividend, divisor] : [dividend])
        const datapoints = rows.map(([[a = null, b = null], time]): Point => {
          return [a === null || b === null || b === 0 ? null : numeric(a / b), time]
        })
        const [above, below] = [dividend.tags['unit'], divisor?.tags['unit']]
        const unit =
          above !== undefined && below !== undefined && above !== below ? `${above}/${below}` : undefined
        return changed(dividend, target, datapoints, { step, tags: withUnit(dividend.tags, unit) })
      })
    },
  },
}

function combining(name: string, description: string): GraphiteFunction {
  const by = aggregateOf(name)
  return {
    group: 'Combine',
    description,
    params: [MANY_SERIES],
    evenly: true,
    act: ({ series }) => {
      const lines = series.flat()
      const [first] = lines
      if (!first) return []
      const { rows, step } = together(lines)
      const target = `${name}Series(${[...new Set(lines.map((line) => line.target))].join(',')})`
      const datapoints = rows.map(([values, time]): Point => [numeric(aggregated(values, by)), time])
      const shared = Object.entries(first.tags).filter(([tag, value]) =>
        lines.every(({ tags }) => tags[tag] === value),
      )
      return [changed(first, target, datapoints, { step, tags: Object.fromEntries(shared) })]
    },
  }
}

/**
 * Lines at common times: unchanged if they have the same times, else on a grid whose steps fit all of them.
 */
function together(lines: readonly Line[]): { rows: [(number | null)[], number][]; step: number } {
  const [first] = lines
  const times = first?.datapoints.map(([, time]) => time) ?? []
  const isSame = ({ datapoints }: Line) =>
    datapoints.length === times.length && datapoints.every(([, time], i) => time === times[i])
  if (lines.every(isSame)) {
    const rows = times.map((time, i): [(number | null)[], number] => [
      lines.map(({ datapoints }) => datapoints[i]?.[0] ?? null),
      time,
    ])
    return { rows, step: first?.step ?? 0 }
  }
  const step = commonStep(lines.map((line) => line.step))
  const boxes = new Map<number, { sums: number[]; counts: number[] }>()
  for (const [at, { datapoints }] of lines.entries())
    for (const [value, time] of datapoints) {
      const place = Math.floor(time / step)
      const box = boxes.get(place) ?? { sums: lines.map(() => 0), counts: lines.map(() => 0) }
      boxes.set(place, box)
      if (value === null) continue
      box.sums[at] = (box.sums[at] ?? 0) + value
      box.counts[at] = (box.counts[at] ?? 0) + 1
    }
  const rows = [...boxes]
    .sort(([a], [b]) => a - b)
    .map(([place, { sums, counts }]): [(number | null)[], number] => [
      sums.map((all, at) => (counts[at] ? all / (counts[at] ?? 1) : null)),
      place * step,
    ])
  return { rows, step }
}

/**
 * The smallest common multiple of the steps, if they are whole and it is not far above them; else the longest
 * step.
 */
function commonStep(steps: readonly number[]): number {
  const longest = Math.max(...steps) || 1
  for (let step = longest; Number.isInteger(longest) && step <= MOST_STEPS * longest; step += longest)
    if (steps.every((one) => one === 0 || step % one === 0)) return step
  return longest
}
