import { join } from 'node:path'
import { z } from 'zod'
import { G3FormatError } from '../g3/bytes.ts'
import { type LocatedFrame, walkFrames } from '../g3/frame.ts'
import { peekGeneration, readFrame, type WrittenFrame } from '../g3/hk.ts'
import type { Disk } from './disk.ts'
import { Ledger } from './ledger.ts'

/** Bytes from a file's beginning that tell whether a recorder wrote it, and when. */
const PEEK = 2048
/** Files looked at at a time. */
const AT_ONCE = 16

/** A damaged end of a file, which was set aside. */
export interface Torn {
  /** Path in the data directory, and where the bytes are kept. */
  readonly path: string
  readonly kept: string
  readonly bytes: number
  readonly reason: string
}

/**
 * Reads what a data directory holds from its files alone: the ledger in the newest intact head, and the frames written
 * after it. Ends that were torn by a crash are cut off and kept beside their file. Files of others are left alone.
 * @param id the directory's UUID, when it is known: files with another are another recorder's
 */
export async function recover(
  disk: Disk,
  dir: string,
  id: string | undefined,
): Promise<{ readonly ledger: Ledger | undefined; readonly torn: readonly Torn[] }> {
  const newest = await newestHead(disk, dir, id)
  if (!newest) return { ledger: undefined, torn: [] }
  const { ledger, open, path } = newest
  const frames: WrittenFrame[] = []
  const torn: Torn[] = []
  for (const file of new Set([path, ...open])) {
    const bytes = await readIfThere(disk, join(dir, file))
    if (!bytes) continue
    const walk = walkFrames(bytes, { verify: true })
    for (let step = walk.next(); ; step = walk.next()) {
      if (step.done) {
        const { goodBytes, error } = step.value
        if (error) torn.push(await setAside(disk, dir, file, bytes, goodBytes, error.message))
        break
      }
      const frame = understood(step.value)
      if (frame) frames.push(frame)
    }
  }
  // In the order they were written, which is that of their times across files.
  frames.sort((a, b) => timeOf(a) - timeOf(b))
  for (const frame of frames) ledger.found(frame)
  return { ledger, torn }
}

/** The paths of a data directory's `.g3` files. */
export async function filesOf(disk: Disk, dir: string): Promise<string[]> {
  const folders = (await disk.list(dir)).filter((name) => /^\d{1,5}\/$/.test(name))
  const files = await Promise.all(
    folders.map(async (folder) => {
      const names = await disk.list(join(dir, folder))
      return names.filter((name) => /^\d{1,10}\.g3$/.test(name)).map((name) => `${folder}${name}`)
    }),
  )
  return files.flat()
}

async function newestHead(disk: Disk, dir: string, id: string | undefined) {
  const found: { path: string; generation: number }[] = []
  const files = await filesOf(disk, dir)
  const look = async () => {
    for (let path = files.pop(); path !== undefined; path = files.pop()) {
      const generation = peekGeneration((await readIfThere(disk, join(dir, path), PEEK)) ?? new Uint8Array())
      if (generation !== undefined) found.push({ path, generation })
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, look))
  found.sort((a, b) => b.generation - a.generation)
  for (const { path } of found) {
    const bytes = (await readIfThere(disk, join(dir, path))) ?? new Uint8Array()
    const head = headOf(bytes)
    if (head && (id === undefined || head.ledger.dataDir === id)) return { path, ...head }
  }
  return undefined
}

/** The ledger in a file's head; undefined when its first two frames are damaged or are not a recorder's. */
function headOf(bytes: Uint8Array) {
  let first = true
  for (const located of walkFrames(bytes, { verify: true })) {
    const frame = understood(located)
    if (first && frame?.kind !== 'session') return undefined
    if (!first) {
      if (frame?.kind !== 'status' || !frame.head) return undefined
      try {
        return Ledger.parse(frame.head.ledger, frame.head.generation)
      } catch (error) {
        if (error instanceof SyntaxError || error instanceof z.ZodError) return undefined
        throw error
      }
    }
    first = false
  }
  return undefined
}

/** What an intact frame says; undefined when that is nothing a recorder would write. */
export function understood(frame: LocatedFrame): WrittenFrame | undefined {
  try {
    return readFrame(frame)
  } catch (error) {
    const foreign =
      error instanceof G3FormatError || error instanceof z.ZodError || error instanceof SyntaxError
    if (foreign) return undefined
    throw error
  }
}

function timeOf(frame: WrittenFrame): number {
  return frame.kind === 'session' ? 0 : frame.time
}

/** Keeps a damaged end beside its file, durably, and then cuts it off. */
async function setAside(
  disk: Disk,
  dir: string,
  path: string,
  bytes: Uint8Array,
  good: number,
  reason: string,
): Promise<Torn> {
  for (let number = 1; ; number++) {
    const kept = `${path}.torn${number === 1 ? '' : number}`
    try {
      const copy = await disk.create(join(dir, kept))
      try {
        await copy.write(bytes.subarray(good), 0)
        await copy.datasync()
      } finally {
        await copy.close()
      }
      await disk.syncFolder(join(dir, path, '..'))
      const file = await disk.open(join(dir, path))
      try {
        await file.truncate(good)
        await file.datasync()
      } finally {
        await file.close()
      }
      return { path, kept, bytes: bytes.length - good, reason }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
}

async function readIfThere(disk: Disk, path: string, length?: number): Promise<Uint8Array | undefined> {
  try {
    return await disk.read(path, length)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
