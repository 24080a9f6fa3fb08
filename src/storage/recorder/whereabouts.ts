import { TransportError } from '../../core/errors.ts'
import type { Disk, FileId } from './disk.ts'
import { lockPath } from './lock.ts'

/**
 * A file being written has been moved or removed: rows written since then are nowhere, and none of them may
 * be acknowledged. Beginning again as at a start helps.
 */
export class Displaced extends TransportError {
  override name = 'Displaced'
}

/** Whether two looks saw the same file. @param inodes whether the file system keeps inode numbers */
export function isSame(one: FileId, other: FileId | undefined, inodes: boolean): boolean {
  return other !== undefined && (!inodes || (one.dev === other.dev && one.ino === other.ino))
}

/** The location of a data directory and its lock when a recorder began. */
export class Whereabouts {
  /** Whether the file system keeps inode numbers; some give another number with each look. */
  inodes = true
  readonly device: bigint
  readonly #disk: Disk
  readonly #dir: string
  readonly #folder: FileId
  readonly #lock: FileId

  private constructor(disk: Disk, dir: string, folder: FileId, lock: FileId) {
    this.#disk = disk
    this.#dir = dir
    this.#folder = folder
    this.#lock = lock
    this.device = folder.dev
  }

  /** Notes the location of a locked data directory. @throws Displaced if it is gone already */
  static async of(disk: Disk, dir: string): Promise<Whereabouts> {
    const [folder, lock] = [await disk.stat(dir), await disk.stat(lockPath(dir))]
    if (!folder || !lock) throw new Displaced(`data directory ${dir} is gone`)
    const here = new Whereabouts(disk, dir, folder, lock)
    here.inodes = isSame(folder, await disk.stat(dir), true)
    return here
  }

  /** @throws Displaced if the path of the directory or of its lock leads to another, or nowhere */
  async check(): Promise<void> {
    for (const [path, id] of [
      [this.#dir, this.#folder],
      [lockPath(this.#dir), this.#lock],
    ] as const)
      if (!isSame(id, await this.#disk.stat(path), this.inodes))
        throw new Displaced(`${path} has been moved or removed while it was in use`)
  }
}
