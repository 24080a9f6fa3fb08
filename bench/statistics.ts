/** A summary of the rounds of one side, or of their ratios. */
export interface Summary {
  readonly min: number
  readonly median: number
  readonly max: number
  readonly rounds: number
}

/** The value below which a fraction of the values lies; NaN without values. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}

/** The median; of an even number, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  const upper = sorted[Math.floor(middle)] ?? Number.NaN
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? Number.NaN) + upper) / 2 : upper
}

/** Minimum, median and maximum; undefined without values. */
export function summarize(values: readonly number[]): Summary | undefined {
  if (values.length === 0) return undefined
  return {
    min: Math.min(...values),
    median: median(values),
    max: Math.max(...values),
    rounds: values.length,
  }
}

/**
 * Ours divided by theirs, round by round: other load on the machine in a round affects both. A round that
 * lacks one of them has no ratio.
 */
export function pairedRatios(
  ours: readonly (number | undefined)[],
  theirs: readonly (number | undefined)[],
): number[] {
  return ours.flatMap((value, round) => {
    const other = theirs[round]
    return value === undefined || !other ? [] : [value / other]
  })
}

/** Three significant digits, as in a table: `0.0123`, `4.56`, `789`, `12.3k`, `4.57M`. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return '–'
  const size = Math.abs(value)
  if (size >= 999_500) return `${digits(value / 1e6)}M`
  if (size >= 9_995) return `${digits(value / 1e3)}k`
  return size >= 1000 ? value.toFixed(0) : digits(value)
}

function digits(value: number): string {
  const size = Math.abs(value)
  if (size === 0) return '0'
  if (size >= 99.95) return value.toFixed(0)
  if (size >= 9.995) return value.toFixed(1)
  if (size >= 0.9995) return value.toFixed(2)
  return value.toFixed(2 - Math.floor(Math.log10(size)) - (size < 0.01 ? 1 : 0))
}
