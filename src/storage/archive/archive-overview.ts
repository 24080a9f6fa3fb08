/** What many samples of a field come to. Times are unix s. */
export interface Overview {
  readonly first: number
  readonly last: number
  /** Samples, and those with a finite value. */
  readonly count: number
  readonly finite: number
  /** Lowest and highest finite value and where they lie; null without one, and for texts. */
  readonly low: number | null
  readonly lowAt: number | null
  readonly high: number | null
  readonly highAt: number | null
  readonly mean: number | null
  /** The text that all samples are, when they are one. */
  readonly text: string | null
}

/** What two overviews of one field come to together. */
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
