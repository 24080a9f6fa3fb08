import { dirname, join } from 'node:path'
import { type FileHead, headFrames } from '../g3/hk.ts'
import type { Disk, DiskFile, FileId } from './disk.ts'
import type { ClosedFile, FileList, RowsByEpoch } from './file-list.ts'
import { FOLDER, isTogether, type OpenFrame } from './open-frame.ts'
import { ownPath } from './own-folder.ts'
import { type Span, union } from './spans.ts'
import { Displaced, isSame, type Whereabouts } from './whereabouts.ts'

/** A new file's head is complete before the file has its name, so no reader meets half of one. */
export const newFilePath = (dir: string) => ownPath(dir, 'new-file')
/** Seconds before its name that data of a file may begin. */
const BEFORE = 60
/** What systems say of a file system that has no links. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL'])

/** One file that frames are appended to. */
export class HkFile {
  /** Path in the data directory: `17000/1700000000.g3`. */
  readonly path: string
  readonly sessionId: bigint
  /** Providers its status frames list so far: id → feed address. */
  readonly providers: Map<number, string>
  readonly generation: number
  /** When it was written last, ms of the monotonic clock. */
  written = performance.now()
  readonly #name: number
  readonly #file: DiskFile
  readonly #disk: Disk
  readonly #fullPath: string
  readonly #whereabouts: Whereabouts
  readonly #rows: RowsByEpoch = new Map()
  /** Time of the last sample by epoch and block, unix s. */
  readonly #ends = new Map<string, number>()
  /** Bytes of whole, synced frames. */
  #good: number

  private constructor(
    { disk, dir, whereabouts }: FilePlace,
    name: number,
    file: DiskFile,
    head: FileHead,
    good: number,
    providers: Map<number, string>,
  ) {
    this.path = pathOf(name)
    this.sessionId = head.sessionId
    this.generation = head.generation
    this.providers = providers
    this.#name = name
    this.#file = file
    this.#disk = disk
    this.#fullPath = join(dir, this.path)
    this.#whereabouts = whereabouts
    this.#good = good
  }

  /**
   * Makes a file for data from unix time `start` on, named by it, or by the next free second. Never touches one that
   * is there. Resolves once the file survives a power cut.
   * @throws Displaced when the data directory is not where it was
   */
  static async create(
    place: FilePlace,
    start: number,
    head: FileHead,
    providers: Map<number, string>,
  ): Promise<HkFile> {
    const { disk, dir, whereabouts } = place
    const bytes = headFrames(head, providers)
    const temporary = newFilePath(dir)
    // Before anything is made: a directory that is gone may be a disk that was unmounted.
    await whereabouts.check()
    await disk.remove(temporary)
    const file = await newFile(disk, temporary, bytes)
    try {
      // A file system that gives another number with each look has none to go by.
      const [inside, outside] = [await file.stat(), await disk.stat(temporary)]
      whereabouts.inodes &&= isSame(inside, outside, true)
      for (let name = Math.floor(start); ; name++) {
        // One that is gone may come back.
        if (place.list.has(pathOf(name))) continue
        const path = join(dir, pathOf(name))
        await disk.makeFolder(dirname(path))
        const placed = await putAt(disk, file, temporary, path, bytes)
        if (!placed) continue
        await disk.syncFolder(dirname(path))
        await disk.syncFolder(dir)
        return new HkFile(place, name, placed, head, bytes.length, providers)
      }
    } catch (error) {
      await file.close().catch(() => {})
      throw error
    } finally {
      await disk.remove(temporary).catch(() => {})
    }
  }

  /** Whether data from `start` to `end` (unix s) belong into it: so3g finds data by the names of file and folder. */
  fits(start: number, end: number, timePerFile: number): boolean {
    return start >= this.#name - BEFORE && end <= this.#name + timePerFile && isTogether(start, this.#name)
  }

  /** Whether times of a frame of an epoch go on, block by block, from what the file has: so3g gives nothing of one that run back. */
  follows(epoch: string, { blocks }: OpenFrame): boolean {
    return blocks.every(
      ({ plan, times }) => (times[0] ?? Infinity) >= (this.#ends.get(`${epoch}/${plan.block}`) ?? -Infinity),
    )
  }

  /** Takes note of a frame that is about to be written. */
  takes(epoch: string, { blocks }: OpenFrame): void {
    for (const { plan, times } of blocks) this.#ends.set(`${epoch}/${plan.block}`, times.at(-1) ?? 0)
  }

  get name(): number {
    return this.#name
  }

  /** Takes note of rows of an epoch that are in the file. */
  took(epoch: string, rows: Span): void {
    this.#rows.set(epoch, union([...(this.#rows.get(epoch) ?? []), rows]))
  }

  /** What it is and holds, for the list of closed files. */
  get summary(): ClosedFile {
    const rows = [...this.#rows].map(([epoch, spans]) => [
      epoch,
      spans.map(({ first, last }) => [first, last]),
    ])
    return { file: this.path, generation: this.generation, rows: Object.fromEntries(rows) }
  }

  /**
   * Appends whole frames; resolves once they survive a power cut, and can be found.
   * @throws Displaced when the file, its directory or the lock is not where it was, or the file was cut
   */
  async append(bytes: Uint8Array): Promise<void> {
    // Before, too: behind an end that was cut off there would be zeros.
    await this.#check(this.#good)
    await this.#file.write(bytes, this.#good)
    await this.#file.datasync()
    await this.#check(this.#good + bytes.length)
    this.#good += bytes.length
    this.written = performance.now()
  }

  /** @throws Displaced when its path leads to another file or nowhere, or some of it is gone */
  async check(): Promise<FileId> {
    const mine = await this.#file.stat()
    if (!isSame(mine, await this.#disk.stat(this.#fullPath), this.#whereabouts.inodes))
      throw new Displaced(`${this.#fullPath} has been moved or removed while it was being written`)
    if (mine.size < this.#good) throw new Displaced(this.#changed)
    return mine
  }

  /** Cuts off what a failed write may have left behind the last good frame. */
  async cut(): Promise<void> {
    // One that somebody cut shorter would be filled with zeros.
    if ((await this.#file.stat()).size > this.#good) await this.#file.truncate(this.#good)
    await this.#file.datasync()
  }

  close(): Promise<void> {
    return this.#file.close()
  }

  get #changed(): string {
    return `${this.#fullPath} has been changed by another program while it was being written`
  }

  async #check(size: number): Promise<void> {
    await this.#whereabouts.check()
    const about = await this.check()
    if (about.size !== size) throw new Displaced(this.#changed)
  }
}

/** Where files are made. */
export interface FilePlace {
  readonly disk: Disk
  readonly dir: string
  readonly whereabouts: Whereabouts
  readonly list: FileList
}

/** Writes a file's beginning; leaves nothing behind when that fails. */
async function newFile(disk: Disk, path: string, bytes: Uint8Array): Promise<DiskFile> {
  const file = await disk.create(path)
  try {
    await file.write(bytes, 0)
    await file.datasync()
    return file
  } catch (error) {
    await file.close().catch(() => {})
    await disk.remove(path).catch(() => {})
    throw error
  }
}

/** Gives a finished file its name; undefined when that is taken. */
async function putAt(
  disk: Disk,
  file: DiskFile,
  temporary: string,
  path: string,
  bytes: Uint8Array,
): Promise<DiskFile | undefined> {
  try {
    await disk.link(temporary, path)
    return file
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return undefined
    if (!NO_LINKS.has(code ?? '')) throw error
  }
  // Without links (exFAT and the like) the name comes first.
  try {
    const named = await newFile(disk, path, bytes)
    await file.close()
    return named
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined
    throw error
  }
}

function pathOf(name: number): string {
  return `${Math.floor(name / FOLDER)}/${name}.g3`
}
