import { basename, join } from 'node:path'
import { z } from 'zod'
import { messageOf } from '../../core/errors.ts'
import { G3FormatError } from '../g3/bytes.ts'
import { type LocatedFrame, walkFrames } from '../g3/frame.ts'
import { peekGeneration, readFrame, type WrittenFrame } from '../g3/hk.ts'
import type { Disk } from './disk.ts'
import { type ClosedFile, lostRows, type RowsByEpoch, rowsBetween, sorted } from './file-list.ts'
import { epochKey, Ledger } from './ledger.ts'
import { OWN_FOLDER, ownPath } from './own-folder.ts'
import { union } from './spans.ts'

/** Bytes at a file's beginning that tell whether a recorder wrote it, and when. */
const PEEK = 2048
/** Number of files examined at a time. */
const AT_ONCE = 16
/** Folder for torn ends, within the recorder's own folder. */
const TORN = 'torn'

/** A damaged end of a file that was set aside. */
export interface Torn {
  /** Path in the data directory, and where the bytes are kept. */
  readonly path: string
  readonly kept: string
  readonly bytes: number
  readonly reason: string
}

/** The content of a data directory, from its files. */
export interface Recovered {
  readonly ledger: Ledger | undefined
  readonly torn: readonly Torn[]
  /** Files that nobody can read, with the reason: their content is unknown. */
  readonly unreadable: readonly { readonly path: string; readonly reason: string }[]
  /** The files that were read whole: those that may have been open when the recorder ended. */
  readonly ended: readonly ClosedFile[]
  /** Rows that were in files that are gone and are in no other file, so they are to be fetched again. */
  readonly holes: RowsByEpoch
}

/**
 * Reads the state of a data directory from its files alone: the ledger in the newest intact head, and the
 * frames written after it. Ends torn by a crash are cut off and kept. Files of other recorders are left
 * alone. For closed files that are gone, the list of files tells their content.
 * @param id the directory's UUID, if known: files with another UUID belong to another recorder
 * @param refill whether to fetch again the rows of closed files that are gone as well
 */
export async function recover(
  disk: Disk,
  dir: string,
  id: string | undefined,
  refill = false,
): Promise<Recovered> {
  const unreadable: { path: string; reason: string }[] = []
  const { gone, elsewhere, kept } = await sorted(disk, dir)
  const away = [...gone, ...elsewhere]
  const newest = await newestHead(disk, dir, id, unreadable)
  const ledger = newest?.ledger ?? (id !== undefined && away.length > 0 ? new Ledger(id) : undefined)
  const frames: WrittenFrame[] = []
  const torn: Torn[] = []
  const ended: ClosedFile[] = []
  for (const file of newest ? new Set([newest.path, ...newest.open]) : []) {
    const bytes = await readIfThere(disk, join(dir, file), unreadable)
    if (!bytes) continue
    const held: RowsByEpoch = new Map()
    let generation = 0
    const walk = walkFrames(bytes, { verify: true })
    for (let step = walk.next(); ; step = walk.next()) {
      if (step.done) {
        const { goodBytes, error } = step.value
        if (error) torn.push(await setAside(disk, dir, file, bytes, goodBytes, error.message))
        break
      }
      const frame = understood(step.value)
      if (!frame) continue
      frames.push(frame)
      if (frame.kind === 'status' && frame.head) generation = frame.head.generation
      for (const [epoch, span] of rowsIn(frame)) held.set(epoch, union([...(held.get(epoch) ?? []), span]))
    }
    const rows = [...held].map(([epoch, spans]) => [epoch, spans.map(({ first, last }) => [first, last])])
    ended.push({ file, generation, rows: Object.fromEntries(rows) })
  }
  // In the order they were written, which is the order of their times across files.
  frames.sort((a, b) => timeOf(a) - timeOf(b))
  for (const frame of frames) ledger?.found(frame)
  // The newest head lists the earlier rows; later rows in files that are gone are known only from the list.
  for (const { file, generation, rows } of away)
    if (generation >= (newest?.generation ?? 0) || newest?.open.includes(file)) ledger?.held(generation, rows)
  const wanted = gone.filter(({ displaced }) => refill || displaced)
  const holes = lostRows(wanted, [...kept, ...ended])
  const unread = kept.filter(({ file }) => !ended.some((one) => one.file === file))
  // Rows lost in the middle of a damaged file come before those of the later files.
  if (torn.length > 0)
    for (const [epoch, spans] of rowsBetween(ended, unread))
      holes.set(epoch, union([...(holes.get(epoch) ?? []), ...spans]))
  return { ledger, torn, unreadable, ended, holes }
}

/** The rows that a frame accounts for. */
function rowsIn(frame: WrittenFrame): [string, { first: number; last: number }][] {
  if (frame.kind === 'session') return []
  const gaps = frame.gaps.map((gap): [string, typeof gap] => [epochKey(gap), gap])
  return frame.kind === 'data' ? [[epochKey(frame.from), frame], ...gaps] : gaps
}

/**
 * The paths of a data directory's `.g3` files. @param unreadable receives folders that cannot be read, with
 * the reason
 */
export async function filesOf(
  disk: Disk,
  dir: string,
  unreadable: { path: string; reason: string }[] = [],
  ending = '.g3',
): Promise<string[]> {
  const folders = (await disk.list(dir)).filter((name) => /^\d{1,5}\/$/.test(name))
  const file = new RegExp(`^\\d{1,10}${RegExp.escape(ending)}$`)
  const files = await Promise.all(
    folders.map(async (folder) => {
      try {
        const names = await disk.list(join(dir, folder))
        return names.filter((name) => file.test(name)).map((name) => `${folder}${name}`)
      } catch (error) {
        if (!costsItself(error)) throw error
        unreadable.push({ path: folder, reason: messageOf(error) })
        return []
      }
    }),
  )
  return files.flat()
}

/** Whether the file or folder itself is what cannot be read, as opposed to a failing disk. */
export function costsItself(error: unknown): boolean {
  const codes = ['EACCES', 'EPERM', 'ENOTFILE', 'ENOENT', 'ELOOP', 'ENXIO', 'EISDIR', 'ENOTDIR']
  return codes.includes((error as NodeJS.ErrnoException).code ?? '')
}

async function newestHead(
  disk: Disk,
  dir: string,
  id: string | undefined,
  unreadable: { path: string; reason: string }[],
) {
  const found: { path: string; generation: number }[] = []
  const files = await filesOf(disk, dir, unreadable)
  const look = async () => {
    for (let path = files.pop(); path !== undefined; path = files.pop()) {
      const bytes = await readIfThere(disk, join(dir, path), unreadable, PEEK)
      const generation = peekGeneration(bytes ?? new Uint8Array())
      if (generation !== undefined) found.push({ path, generation })
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, look))
  found.sort((a, b) => b.generation - a.generation)
  for (const { path, generation } of found) {
    const bytes = (await readIfThere(disk, join(dir, path), unreadable)) ?? new Uint8Array()
    const head = headOf(bytes, join(dir, path))
    if (head && (id === undefined || head.ledger.dataDir === id)) return { path, generation, ...head }
  }
  return undefined
}

/**
 * The ledger in a file's head; undefined if its first two frames are damaged or not a recorder's.
 * @throws ConfigError if a newer ocs wrote it
 */
function headOf(bytes: Uint8Array, file: string) {
  let first = true
  for (const located of walkFrames(bytes, { verify: true })) {
    const frame = understood(located)
    if (first && frame?.kind !== 'session') return undefined
    if (!first) {
      if (frame?.kind !== 'status' || !frame.head) return undefined
      try {
        return Ledger.parse(frame.head.ledger, frame.head.generation, file)
      } catch (error) {
        if (error instanceof SyntaxError || error instanceof z.ZodError) return undefined
        throw error
      }
    }
    first = false
  }
  return undefined
}

/** The content of an intact frame; undefined if no recorder would write that. */
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

/** Copies a damaged end durably into the recorder's own folder, and then cuts it off. */
async function setAside(
  disk: Disk,
  dir: string,
  path: string,
  bytes: Uint8Array,
  good: number,
  reason: string,
): Promise<Torn> {
  await disk.makeFolder(ownPath(dir, TORN))
  for (let number = 1; ; number++) {
    const kept = join(OWN_FOLDER, TORN, `${basename(path, '.g3')}.torn${number === 1 ? '' : number}`)
    try {
      const copy = await disk.create(join(dir, kept))
      try {
        await copy.write(bytes.subarray(good), 0)
        await copy.datasync()
      } finally {
        await copy.close()
      }
      await disk.syncFolder(ownPath(dir, TORN))
      await disk.syncFolder(ownPath(dir, '.'))
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

async function readIfThere(
  disk: Disk,
  path: string,
  unreadable: { path: string; reason: string }[],
  length?: number,
): Promise<Uint8Array | undefined> {
  try {
    return await disk.read(path, length)
  } catch (error) {
    if (!costsItself(error)) throw error
    // A file that was listed and has since gone is not a loss to report here.
    if (length !== undefined) unreadable.push({ path, reason: messageOf(error) })
    return undefined
  }
}
