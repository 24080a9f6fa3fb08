import { TransportError } from '../../core/errors.ts'
import type { Disk, FileId } from './disk.ts'
import { lockPath } from './lock.ts'

/**
 * Something that is being written has been moved or removed: what was written since is nowhere, and nothing of it may be
 * acknowledged. Beginning again as at a start helps.
 */
export class Displaced extends TransportError {
  override name = 'Displaced'
}

/** Whether two looks saw the same file. @param inodes whether the file system keeps their numbers */
export function isSame(one: FileId, other: FileId | undefined, inodes: boolean): boolean {
  return other !== undefined && (!inodes || (one.dev === other.dev && one.ino === other.ino))
}

/** Where a data directory and its lock were when a recorder began. */
export class Whereabouts {
  /** Whether the file system keeps the numbers of inodes; some give another with each look. */
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

  /** Looks where a locked data directory is. @throws Displaced when it is gone already */
  static async of(disk: Disk, dir: string): Promise<Whereabouts> {
    const [folder, lock] = [await disk.stat(dir), await disk.stat(lockPath(dir))]
    if (!folder || !lock) throw new Displaced(`data directory ${dir} is gone`)
    const here = new Whereabouts(disk, dir, folder, lock)
    here.inodes = isSame(folder, await disk.stat(dir), true)
    return here
  }

  /** @throws Displaced when the path of the directory or of its lock leads to another, or nowhere */
  async check(): Promise<void> {
    for (const [path, id] of [
      [this.#dir, this.#folder],
      [lockPath(this.#dir), this.#lock],
    ] as const)
      if (!isSame(id, await this.#disk.stat(path), this.inodes))
        throw new Displaced(`${path} has been moved or removed while it was in use`)
  }
}
