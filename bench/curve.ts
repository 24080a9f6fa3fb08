/** The cost of the same work at growing sizes, as text. */
import { type Summary, short } from './statistics.ts'

const BARS = '▁▂▃▄▅▆▇█'

/** The greatest ratio of the cost of a size to the cost of the one before; NaN if one is missing. */
export function greatestStep(costs: readonly number[]): number {
  return Math.max(...costs.slice(1).map((cost, i) => cost / (costs[i] ?? Number.NaN)))
}

/**
 * Round by round, the greatest growth of costs from one size to the next; rounds that lack a size have none.
 */
export function steps(curve: readonly (readonly (number | undefined)[])[]): number[] {
  const rounds = Math.max(0, ...curve.map((costs) => costs.length))
  return Array.from({ length: rounds }, (_, round) =>
    greatestStep(curve.map((costs) => costs[round] ?? Number.NaN)),
  ).filter(Number.isFinite)
}

/** `96.1 → 24.0 → 15.2 µs █▂▁`: the median at each size, and bars relative to the highest. */
export function curveText(curve: readonly (Summary | undefined)[], unit: string): string {
  const medians = curve.map((summary) => summary?.median ?? Number.NaN)
  const highest = Math.max(...medians.filter(Number.isFinite))
  const bar = (value: number) => BARS[Math.round((value / highest) * (BARS.length - 1))] ?? ' '
  return `${medians.map(short).join(' → ')} ${unit} ${medians.map(bar).join('')}`
}
