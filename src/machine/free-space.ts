import { type StatsFs, statfsSync } from 'node:fs'
import { statfs } from 'node:fs/promises'

/** The free space on the file system of a folder. */
interface FreeSpace {
  readonly bytes: number
  /** Number of files that can still be created; null if the file system does not count them. */
  readonly files: number | null
}

/**
 * The free space on the file system of a folder, asynchronously: a file system that hangs blocks nothing
 * else.
 * @throws Error of the file system
 */
export async function freeSpace(folder: string): Promise<FreeSpace> {
  return spaceOf(await statfs(folder))
}

/**
 * The same, synchronously.
 * @throws Error of the file system
 */
export function freeSpaceNow(folder: string): FreeSpace {
  return spaceOf(statfsSync(folder))
}

/** The part available to this account: some is reserved for root. */
function spaceOf({ bavail, bsize, files, ffree }: StatsFs): FreeSpace {
  return { bytes: bavail * bsize, files: files > 0 ? ffree : null }
}
