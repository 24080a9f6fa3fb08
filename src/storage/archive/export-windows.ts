import type { Archive, ArchiveField } from './archive.ts'

/** Samples read at a time, over all fields. */
const AT_ONCE = 500_000

/**
 * Spans of time with about `AT_ONCE` samples, each beginning where the previous one ends, with the fraction
 * done.
 */
export function* windows(
  archive: Archive,
  fields: readonly ArchiveField[],
  start: number,
  end: number,
): Generator<[from: number, to: number, part: number]> {
  const pieces = fields
    .flatMap((field) => archive.overview(field, start, end))
    .sort((a, b) => a.first - b.first)
  const total = pieces.reduce((sum, { count }) => sum + count, 0)
  let from = Math.max(start, pieces[0]?.first ?? start)
  let [done, waiting] = [0, 0]
  for (const { first, count } of pieces) {
    if (waiting >= AT_ONCE && first > from) {
      yield [from, first, done / total]
      done += waiting
      waiting = 0
      from = first
    }
    waiting += count
  }
  if (total > 0) yield [from, end, done / total]
}
