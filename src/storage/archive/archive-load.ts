/** Reads blocks of `.g3` files that an index has located. */
import { join } from 'node:path'
import { G3FormatError } from '../g3/bytes.ts'
import { type ColumnPlace, timesIn, valuesIn, viewOf } from './archive-blocks.ts'
import type { Chunk } from './archive-columns.ts'
import { decompressed, isCompressed, openFile, readAt } from './archive-file.ts'
import type { BlockPlace } from './archive-runs.ts'

/** A block, and the columns to read from it, each with the index of its field. */
export interface Wanted {
  readonly place: BlockPlace
  readonly columns: [field: number, column: ColumnPlace][]
}

/** What was read of a block: its samples by field index. */
export type Taken = readonly [place: BlockPlace, chunks: readonly (readonly [field: number, chunk: Chunk])[]]

/**
 * Reads columns of blocks from the files of a data directory, file by file, in the order in which they were
 * written; a block that is stored twice is read once. Of each frame only its checksum is compared, to detect
 * that another frame has replaced it.
 * @param copyOf returns a copy of a file that is not here; undefined if there is none
 * @param exact whether to read times as stored in the files as well
 */
export async function* loadBlocks(
  dir: string,
  copyOf: (path: string) => Promise<string | undefined>,
  wanted: Iterable<Wanted>,
  exact = false,
): AsyncGenerator<Taken[]> {
  const seen = new Map<number, Wanted[]>()
  const isNew = (block: Wanted) => {
    const alike = seen.get(block.place.digest)
    if (!alike) seen.set(block.place.digest, [block])
    else if (alike.some((other) => areSame(block, other))) return false
    else alike.push(block)
    return true
  }
  let room = new Uint8Array(0)
  const byPath = Map.groupBy(wanted, ({ place }) => place.path)
  for (const path of [...byPath.keys()].sort()) {
    const blocks = (byPath.get(path) ?? [])
      .sort(({ place: a }, { place: b }) => a.offset - b.offset)
      .filter(isNew)
    const file = (await openIfThere(join(dir, path))) ?? (await openIfThere(await copyOf(path)))
    if (!file) continue
    try {
      const taken: Taken[] = []
      for (const [from, to, some] of regions(blocks)) {
        // Whatever is read is copied out, so one buffer serves all reads.
        if (room.length < to - from) room = new Uint8Array(to - from)
        const region = { from, bytes: await file.read(from, to - from, room) }
        const view = viewOf(region.bytes)
        for (const block of some) taken.push(...takeColumns(region, view, block, exact))
      }
      yield taken
    } finally {
      await file.close()
    }
  }
}

/** Whether the same columns are wanted of a copy of a block. */
function areSame({ place: a, columns: ofA }: Wanted, { place: b, columns: ofB }: Wanted): boolean {
  const alike = a.length === b.length && a.position === b.position && a.first === b.first
  return alike && ofA.length === ofB.length && ofA.every(([field], i) => field === ofB[i]?.[0])
}

/** A part of a file. */
interface Region {
  readonly from: number
  readonly bytes: Uint8Array
}
/** Maximum bytes of a file per read. */
const REGION = 32 << 20

/**
 * Regions of a file with some blocks; merged where most of the bytes are wanted, since one read is far faster
 * than many.
 */
function regions(blocks: readonly Wanted[]): [from: number, to: number, blocks: readonly Wanted[]][] {
  let [from, to, wanted] = [Infinity, 0, 0]
  const each = blocks.map((block): [number, number, readonly Wanted[]] => {
    const { offset, length } = block.place
    from = Math.min(from, offset)
    to = Math.max(to, offset + length)
    wanted += length
    return [offset, offset + length, [block]]
  })
  return to - from <= Math.min(REGION, 8 * wanted) ? [[from, to, blocks]] : each
}

/**
 * Columns of a block; nothing if its frame has been replaced since it was indexed, which the next scan
 * detects.
 */
function takeColumns(
  { from, bytes }: Region,
  view: DataView,
  { place, columns }: Wanted,
  exact: boolean,
): Taken[] {
  const { offset, length, digest, at, count, ticks } = place
  const start = offset - from
  const end = start + length
  if (end > bytes.length || view.getUint32(end - 4, true) !== digest) return []
  try {
    const t = timesIn(view, { at: start + at, count, ticks })
    const own = exact && ticks ? valuesIn(bytes, { type: 'int', at: start + at, bits: 64 }, count) : undefined
    const chunks = columns.map(([field, { type, at, bits }]) => {
      const values = valuesIn(bytes, { type, at: start + at, bits }, count)
      return [field, { t, type, values, ...(own && { ticks: own as BigInt64Array }) }] as const
    })
    return [[place, chunks]]
  } catch (error) {
    if (error instanceof G3FormatError || error instanceof RangeError) return []
    throw error
  }
}

/** A file that is read in parts. */
interface Source {
  /** Bytes from `at` on; fewer if the file ends first. They may be in `room`, valid until it is reused. */
  read(at: number, length: number, room: Uint8Array<ArrayBuffer>): Promise<Uint8Array>
  close(): Promise<void>
}

async function openIfThere(path: string | undefined): Promise<Source | undefined> {
  if (path === undefined) return undefined
  try {
    if (isCompressed(path)) {
      const bytes = await decompressed(path)
      return { read: async (at, length) => bytes.subarray(at, at + length), close: async () => {} }
    }
    const file = await openFile(path)
    return { read: (at, length, room) => readAt(file, at, length, room), close: () => file.close() }
  } catch (error) {
    // The file is gone or no longer readable; the next scan notices it.
    if ((error as NodeJS.ErrnoException).code !== undefined) return undefined
    throw error
  }
}
