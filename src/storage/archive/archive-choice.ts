/** Chooses which parts of a field must be read for a panel, and which an index can represent well enough. */
import type { Chunk, Column } from './archive-columns.ts'
import type { ArchiveIndex, FileOverview } from './archive-index.ts'
import { SPAN, spanOf } from './archive-index-writer.ts'
import type { Overview } from './archive-overview.ts'
import type { BlockOverview } from './archive-runs.ts'
import type { OfUnit } from './archive-units.ts'

/** The blocks of a field that must be decoded, and the points that represent all others. */
export function choose(
  index: ArchiveIndex,
  { id, type, spans: ofUnit }: OfUnit,
  start: number,
  end: number,
  maxPoints = Infinity,
): { readonly blocks: readonly BlockOverview[]; readonly points: readonly Chunk[] } {
  const points: Chunk[] = []
  const pairs = Math.max(1, Math.floor((maxPoints - 1) / 2))
  /** Where there are more samples than wanted, a stretch shorter than this is drawn as a pair of points. */
  let width = 0
  const measure = (all: readonly Overview[], count: number) => {
    const from = Math.max(start, all[0]?.first ?? 0)
    const to = Math.min(end, lastOf(all))
    width = count > maxPoints ? (to - from) / pairs : 0
  }
  /** Represents short stretches by points; returns the remaining overviews, as runs of neighbours. */
  const left = <Of extends Overview>(all: readonly Of[]): Of[][] => {
    const runs: Of[][] = [[]]
    for (const entry of all) {
      const isOne = ofUnit?.some(([from, to]) => entry.first >= from && entry.last < to) ?? true
      const whole = isOne && entry.first >= start && entry.last <= end
      if (whole && entry.last - entry.first < width && (type !== 'string' || entry.text !== null)) {
        points.push(pointsOf(entry, type))
        runs.push([])
      } else runs.at(-1)?.push(entry)
    }
    return runs.filter(({ length }) => length > 0)
  }
  const within = (run: readonly Overview[]) =>
    [id, Math.max(start, run[0]?.first ?? start), Math.min(end, lastOf(run))] as const

  let files: FileOverview[][]
  // If a span is too long to be drawn as a pair of points, looking at the span overviews is pointless.
  if ((end - start) / pairs > SPAN) {
    const spans = index.spanOverviews(id, start, end)
    const whole = spans.filter(({ first, last }) => first >= start && last <= end)
    measure(
      spans,
      whole.reduce((sum, { count }) => sum + count, 0),
    )
    files = left(spans).flatMap((run) => {
      const [first, last] = [run[0]?.span ?? 0, run.at(-1)?.span ?? 0]
      const mine = (file: FileOverview) => spanOf(file) >= first && spanOf(file) <= last
      return left(index.fileOverviews(...within(run)).filter(mine))
    })
  } else {
    const all = index.fileOverviews(id, start, end)
    measure(
      all,
      all.reduce((sum, { count }) => sum + count, 0),
    )
    files = left(all)
  }
  const blocks = files.flatMap((run) => {
    const mine = new Set(run.map(({ file }) => file))
    return left(index.blockOverviews(...within(run)).filter(({ place }) => mine.has(place.file))).flat()
  })
  return { blocks, points }
}

function lastOf(all: readonly Overview[]): number {
  return all.reduce((last, entry) => Math.max(last, entry.last), -Infinity)
}

/** The samples that represent an overview: its extremes, or its two ends if all values are the same. */
function pointsOf({ first, last, low, lowAt, high, highAt, text }: Overview, type: Column['type']): Chunk {
  if (text !== null) return { type: 'string', t: Float64Array.of(first, last), values: [text, text] }
  const points: readonly (readonly [number, number])[] =
    low === null || high === null
      ? [[first, Number.NaN]]
      : lowAt === highAt
        ? [[lowAt ?? first, low]]
        : [[lowAt ?? first, low] as const, [highAt ?? first, high] as const].sort(([a], [b]) => a - b)
  const values = Float64Array.from(points, ([, value]) => value)
  return { type, t: Float64Array.from(points, ([t]) => t), values }
}
