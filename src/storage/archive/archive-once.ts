import type { Chunk } from './archive-columns.ts'

/** Samples of a field, and the rows that their frame accounts for; null if another recorder wrote it. */
export interface Placed {
  readonly order: number
  readonly chunk: Chunk
  readonly epoch: string | null
  readonly firstRow: number | null
  readonly lastRow: number | null
}

/**
 * Takes each row of an epoch once. Rows are stored twice if a file is restored after its rows were fetched
 * again, and the frames then begin and end at different rows. A frame does not say which samples belong to
 * which row, but within an epoch the times of a field never run back, so the new samples of a frame come
 * after the known ones.
 */
export function once(placed: readonly Placed[]): Placed[] {
  const epochs = Map.groupBy(placed, ({ epoch }) => epoch)
  return [...epochs].flatMap(([epoch, list]) => (epoch === null || list.length === 1 ? list : inEpoch(list)))
}

function inEpoch(list: readonly Placed[]): Placed[] {
  const sorted = list.toSorted(
    (a, b) => (a.firstRow ?? 0) - (b.firstRow ?? 0) || (b.lastRow ?? 0) - (a.lastRow ?? 0),
  )
  /**
   * The last row taken, the time of the last sample taken, and how many samples at the end have that time.
   */
  let [reach, end, same] = [0, -Infinity, 0]
  return sorted.flatMap((one) => {
    const { chunk, firstRow, lastRow } = one
    // A frame without a whole row has the beginning of a row that a clock step has split.
    if (firstRow === null || lastRow === null || lastRow < firstRow) return [one]
    if (lastRow <= reach) return []
    const { t } = chunk
    let from = 0
    if (firstRow <= reach) {
      while (from < t.length && (t[from] ?? 0) < end) from++
      for (let left = same; left > 0 && t[from] === end; left--) from++
    }
    reach = lastRow
    if (from === t.length) return []
    const last = t[t.length - 1] ?? end
    let tied = 0
    while (tied < t.length - from && t[t.length - 1 - tied] === last) tied++
    same = last === end ? same + tied : tied
    end = last
    return from === 0 ? [one] : [{ ...one, chunk: behind(chunk, from) }]
  })
}

function behind({ t, type, values, ticks }: Chunk, from: number): Chunk {
  const rest = ArrayBuffer.isView(values) ? values.subarray(from) : values.slice(from)
  return { t: t.subarray(from), type, values: rest, ticks: ticks?.subarray(from) }
}
