import { badRequest } from '../http.ts'

/** Combines values, none of them null, into one. */
export type Aggregate = (values: readonly number[]) => number

const sum: Aggregate = (values) => values.reduce((all, value) => all + value, 0)
export const average: Aggregate = (values) => sum(values) / values.length
const least: Aggregate = (values) => values.reduce((a, b) => Math.min(a, b), Infinity)
const most: Aggregate = (values) => values.reduce((a, b) => Math.max(a, b), -Infinity)
const last: Aggregate = (values) => values.at(-1) ?? Number.NaN
const median: Aggregate = (values) => {
  const sorted = Float64Array.from(values).sort()
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 0 ? ((sorted[middle - 1] ?? Number.NaN) + upper) / 2 : upper
}
const deviation: Aggregate = (values) => {
  const mean = average(values)
  return Math.sqrt(sum(values.map((value) => (value - mean) ** 2)) / values.length)
}

/** By Graphite's names. */
const AGGREGATES: Readonly<Record<string, Aggregate>> = {
  average,
  avg: average,
  sum,
  total: sum,
  min: least,
  max: most,
  median,
  last,
  current: last,
  count: (values) => values.length,
  diff: (values) => values.slice(1).reduce((all, value) => all - value, values[0] ?? Number.NaN),
  range: (values) => most(values) - least(values),
  rangeOf: (values) => most(values) - least(values),
  multiply: (values) => values.reduce((all, value) => all * value, 1),
  stddev: deviation,
}
export const AGGREGATE_NAMES = Object.keys(AGGREGATES)

/** @throws HTTPException 400 for an unknown name */
export function aggregateOf(name: string): Aggregate {
  const found = Object.hasOwn(AGGREGATES, name) ? AGGREGATES[name] : undefined
  if (found) return found
  throw badRequest(`"${name.slice(0, 50)}" is not an aggregate: use one of ${AGGREGATE_NAMES.join(', ')}`)
}

/** The aggregate of the values that are not null; null if there are none. */
export function aggregated(values: readonly (number | null)[], by: Aggregate): number | null {
  const present = values.filter((value) => value !== null)
  return present.length === 0 ? null : by(present)
}
