/** Seconds that a sample may be late, whatever its rhythm. */
const LATE = 5

/**
 * Seconds without a sample after which one is missing: a plot is not joined there, a value is old. One may be left out.
 * @param rhythm seconds between two samples; of a channel that a scanner visits, between two visits
 * @param least seconds that are no matter in any case
 */
export function overdueAfter(rhythm: number, least = 0): number {
  return Math.max(least, 2 * rhythm + LATE)
}
