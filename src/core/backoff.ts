/** How long to wait before the next try: `first` after none has failed, doubled with each, `longest` at most; units as given. */
export function backoff(failed: number, first: number, longest: number): number {
  return Math.min(longest, first * 2 ** Math.max(0, failed))
}
