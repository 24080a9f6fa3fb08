/** Reads blocks of `.g3` files that an index has placed. */
import { join } from 'node:path'
import { G3FormatError } from '../g3/bytes.ts'
import { locateFrame } from '../g3/frame.ts'
import { blocksOf, isOfBlocks } from './archive-blocks.ts'
import type { Chunk } from './archive-columns.ts'
import { decompressed, isCompressed, openFile, readAt } from './archive-file.ts'
import type { BlockPlace, IndexedField } from './archive-index.ts'

/**
 * Decodes blocks of files in a data directory, file by file, in the order in which they were written.
 * @param wanted each block with the indices of the fields that are to be taken from it
 */
export async function* loadBlocks(
  dir: string,
  wanted: [place: BlockPlace, fields: number[]][],
  fields: readonly IndexedField[],
): AsyncGenerator<[BlockPlace, [number, Chunk][]]> {
  wanted.sort(([a], [b]) => (a.path < b.path ? -1 : a.path > b.path ? 1 : a.offset - b.offset))
  const seen = new Set<string>()
  const named = new Map<string, ReadonlySet<string>>()
  const namesOf = (key: string, indices: readonly number[]) => {
    const names = named.get(key) ?? new Set(indices.map((i) => fields[i]?.name ?? ''))
    named.set(key, names)
    return names
  }
  const byPath = Map.groupBy(wanted, ([{ path: of }]) => of)
  let path: string | undefined
  let file: Source | undefined
  let region: Region | undefined
  try {
    for (const [place, indices] of wanted) {
      const all = indices.join()
      const key = `${place.digest} ${place.length} ${place.position} ${place.first} ${all}`
      if (seen.has(key)) continue
      seen.add(key)
      if (place.path !== path) {
        await file?.close()
        path = place.path
        file = await openIfThere(join(dir, path))
        region =
          file &&
          (await readRegion(
            file,
            (byPath.get(path) ?? []).map(([one]) => one),
          ))
      }
      const block = file && (await readBlock(file, place, namesOf(all, indices), region))
      if (!block) continue
      const chunks = indices.flatMap((i): [number, Chunk][] => {
        const column = block.columns.get(fields[i]?.name ?? '')
        return column ? [[i, { t: block.times, ticks: block.ticks, ...column }]] : []
      })
      yield [place, chunks]
    }
  } finally {
    await file?.close()
  }
}

/** A part of a file. */
interface Region {
  readonly from: number
  readonly bytes: Uint8Array
}
/** Bytes of a file that are read at once, at most. */
const REGION = 32 << 20

/** The part of a file that has all of some blocks, where most of it is wanted: one read takes far less time than many. */
async function readRegion(file: Source, places: readonly BlockPlace[]): Promise<Region | undefined> {
  let [from, to, wanted] = [Infinity, 0, 0]
  for (const { offset, length } of places) {
    from = Math.min(from, offset)
    to = Math.max(to, offset + length)
    wanted += length
  }
  if (places.length < 2 || to - from > Math.min(REGION, 8 * wanted)) return undefined
  return { from, bytes: await file.read(from, to - from) }
}

async function readBlock(
  file: Source,
  { offset, length, position: at }: BlockPlace,
  names: ReadonlySet<string>,
  region: Region | undefined,
) {
  try {
    const start = offset - (region?.from ?? 0)
    const bytes = region ? region.bytes.subarray(start, start + length) : await file.read(offset, length)
    const frame = locateFrame(bytes, 0, isOfBlocks)
    return blocksOf(frame, names).find(({ position }) => position === at)
  } catch (error) {
    // Replaced since it was read; the next scan sees it.
    if (error instanceof G3FormatError) return undefined
    throw error
  }
}

/** A file that is read in parts. */
interface Source {
  read(at: number, length: number): Promise<Uint8Array>
  close(): Promise<void>
}

async function openIfThere(path: string): Promise<Source | undefined> {
  try {
    if (isCompressed(path)) {
      const bytes = await decompressed(path)
      return { read: async (at, length) => bytes.subarray(at, at + length), close: async () => {} }
    }
    const file = await openFile(path)
    return { read: (at, length) => readAt(file, at, length), close: () => file.close() }
  } catch (error) {
    // Gone, or nobody may read it any more; the next scan sees it.
    if ((error as NodeJS.ErrnoException).code !== undefined) return undefined
    throw error
  }
}
