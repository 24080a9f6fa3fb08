import { dirname, join } from 'node:path'
import { type FileHead, headFrames } from '../g3/hk.ts'
import type { Disk, DiskFile } from './disk.ts'
import { FOLDER } from './open-frame.ts'

/** A new file's head is complete before the file has its name, so no reader meets half of one. */
export const NEW_FILE = '.ocs-new-file'
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
  readonly #name: number
  readonly #file: DiskFile
  /** Bytes of whole, synced frames. */
  #good: number

  private constructor(
    name: number,
    file: DiskFile,
    head: FileHead,
    good: number,
    providers: Map<number, string>,
  ) {
    this.path = pathOf(name)
    this.sessionId = head.sessionId
    this.providers = providers
    this.#name = name
    this.#file = file
    this.#good = good
  }

  /**
   * Makes a file for data from unix time `start` on, named by it, or by the next free second. Never touches one that
   * is there. Resolves once the file survives a power cut.
   */
  static async create(
    disk: Disk,
    dir: string,
    start: number,
    head: FileHead,
    providers: Map<number, string>,
  ): Promise<HkFile> {
    const bytes = headFrames(head, providers)
    const temporary = join(dir, NEW_FILE)
    await disk.remove(temporary)
    const file = await newFile(disk, temporary, bytes)
    try {
      for (let name = Math.floor(start); ; name++) {
        const path = join(dir, pathOf(name))
        await disk.makeFolder(dirname(path))
        const placed = await place(disk, file, temporary, path, bytes)
        if (!placed) continue
        await disk.syncFolder(dirname(path))
        await disk.syncFolder(dir)
        return new HkFile(name, placed, head, bytes.length, providers)
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
    return (
      start >= this.#name - BEFORE &&
      end <= this.#name + timePerFile &&
      Math.floor(start / FOLDER) === Math.floor(this.#name / FOLDER)
    )
  }

  get name(): number {
    return this.#name
  }

  /** Appends whole frames; resolves once they survive a power cut. */
  async append(bytes: Uint8Array): Promise<void> {
    await this.#file.write(bytes, this.#good)
    await this.#file.datasync()
    this.#good += bytes.length
  }

  /** Cuts off what a failed write may have left behind the last good frame. */
  async cut(): Promise<void> {
    await this.#file.truncate(this.#good)
    await this.#file.datasync()
  }

  close(): Promise<void> {
    return this.#file.close()
  }
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
async function place(
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
