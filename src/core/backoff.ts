/**
 * The wait before the next attempt: `first` after no failure, doubled with each failure, at most `longest`;
 * in the units given.
 */
export function backoff(failed: number, first: number, longest: number): number {
  return Math.min(longest, first * 2 ** Math.max(0, failed))
}
