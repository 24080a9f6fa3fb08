/** A summary of many samples of a field. Times are unix s. */
export interface Overview {
  readonly first: number
  readonly last: number
  /** Number of samples, and of those with a finite value. */
  readonly count: number
  readonly finite: number
  /** Lowest and highest finite value and their times; null if there is none, and for texts. */
  readonly low: number | null
  readonly lowAt: number | null
  readonly high: number | null
  readonly highAt: number | null
  readonly mean: number | null
  /** The text, if all samples have the same one. */
  readonly text: string | null
}

/** The combination of two overviews of one field. */
export function combine(a: Overview, b: Overview): Overview {
  const lower = b.low !== null && (a.low === null || b.low < a.low) ? b : a
  const higher = b.high !== null && (a.high === null || b.high > a.high) ? b : a
  const finite = a.finite + b.finite
  return {
    first: Math.min(a.first, b.first),
    last: Math.max(a.last, b.last),
    count: a.count + b.count,
    finite,
    low: lower.low,
    lowAt: lower.lowAt,
    high: higher.high,
    highAt: higher.highAt,
    mean: finite === 0 ? null : ((a.mean ?? 0) * a.finite + (b.mean ?? 0) * b.finite) / finite,
    text: a.text === b.text ? a.text : null,
  }
}
