import { dirname, join } from 'node:path'
import { type FileHead, headFrames } from '../g3/hk.ts'
import type { Disk, DiskFile, FileId } from './disk.ts'
import type { ClosedFile, FileList, RowsByEpoch } from './file-list.ts'
import { FOLDER, isTogether, type OpenFrame } from './open-frame.ts'
import { ownPath } from './own-folder.ts'
import { type Span, union } from './spans.ts'
import { Displaced, isSame, type Whereabouts } from './whereabouts.ts'

/** A new file's head is complete before the file gets its name, so no reader meets half of one. */
export const newFilePath = (dir: string) => ownPath(dir, 'new-file')
/** How many seconds before its name the data of a file may begin. */
const BEFORE = 60
/** Error codes of file systems without hard links. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL'])

/** A file to which frames are appended. */
export class HkFile {
  /** Path in the data directory: `17000/1700000000.g3`. */
  readonly path: string
  readonly sessionId: bigint
  /** Providers that its status frames list so far: id → feed address. */
  readonly providers: Map<number, string>
  readonly generation: number
  /** When it was last written, ms of the monotonic clock. */
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
   * Creates a file for data from unix time `start` on, named by that second, or by the next free one. Never
   * touches an existing file. Resolves once the file survives a power cut.
   * @throws Displaced if the data directory is not where it was
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
    // Before anything is created: a missing directory may be an unmounted disk.
    await whereabouts.check()
    await disk.remove(temporary)
    const file = await newFile(disk, temporary, bytes)
    try {
      // Some file systems give another inode number with each look, so these cannot be used there.
      const [inside, outside] = [await file.stat(), await disk.stat(temporary)]
      whereabouts.inodes &&= isSame(inside, outside, true)
      for (let name = Math.floor(start); ; name++) {
        // A file that is gone may come back.
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

  /**
   * Whether data from `start` to `end` (unix s) belong in it: so3g finds data by the names of file and
   * folder.
   */
  fits(start: number, end: number, timePerFile: number): boolean {
    return start >= this.#name - BEFORE && end <= this.#name + timePerFile && isTogether(start, this.#name)
  }

  /**
   * Whether the times in a frame of an epoch continue, block by block, those in the file: so3g returns
   * nothing from a block whose times run back.
   */
  follows(epoch: string, { blocks }: OpenFrame): boolean {
    return blocks.every(
      ({ plan, times }) => (times[0] ?? Infinity) >= (this.#ends.get(`${epoch}/${plan.block}`) ?? -Infinity),
    )
  }

  /** Notes a frame that is about to be written. */
  takes(epoch: string, { blocks }: OpenFrame): void {
    for (const { plan, times } of blocks) this.#ends.set(`${epoch}/${plan.block}`, times.at(-1) ?? 0)
  }

  get name(): number {
    return this.#name
  }

  /** Notes rows of an epoch that are now in the file. */
  took(epoch: string, rows: Span): void {
    this.#rows.set(epoch, union([...(this.#rows.get(epoch) ?? []), rows]))
  }

  /** Its entry for the list of closed files. */
  get summary(): ClosedFile {
    const rows = [...this.#rows].map(([epoch, spans]) => [
      epoch,
      spans.map(({ first, last }) => [first, last]),
    ])
    return { file: this.path, generation: this.generation, rows: Object.fromEntries(rows) }
  }

  /**
   * Appends whole frames; resolves once they survive a power cut and can be found.
   * @throws Displaced if the file, its directory or the lock is not where it was, or the file was truncated
   */
  async append(bytes: Uint8Array): Promise<void> {
    // Also before writing: after a truncated end there would be zeros.
    await this.#check(this.#good)
    await this.#file.write(bytes, this.#good)
    await this.#file.datasync()
    await this.#check(this.#good + bytes.length)
    this.#good += bytes.length
    this.written = performance.now()
  }

  /** @throws Displaced if its path leads to another file or nowhere, or if bytes are missing */
  async check(): Promise<FileId> {
    const mine = await this.#file.stat()
    if (!isSame(mine, await this.#disk.stat(this.#fullPath), this.#whereabouts.inodes))
      throw new Displaced(`${this.#fullPath} has been moved or removed while it was being written`)
    if (mine.size < this.#good) throw new Displaced(this.#changed)
    return mine
  }

  /** Cuts off what a failed write may have left after the last good frame. */
  async cut(): Promise<void> {
    // A file that somebody truncated would be filled with zeros.
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

/** The place where files are created. */
export interface FilePlace {
  readonly disk: Disk
  readonly dir: string
  readonly whereabouts: Whereabouts
  readonly list: FileList
}

/** Writes the beginning of a file; leaves nothing behind if that fails. */
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

/** Gives a finished file its name; undefined if that is taken. */
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
  // Without links (exFAT and the like) the name is taken first.
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
