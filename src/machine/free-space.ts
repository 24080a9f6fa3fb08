import { type StatsFs, statfsSync } from 'node:fs'
import { statfs } from 'node:fs/promises'

/** What is free where a folder lies. */
interface FreeSpace {
  readonly bytes: number
  /** Files that can still be made; null where the file system counts none. */
  readonly files: number | null
}

/** What is free where a folder lies; a file system that hangs holds up nothing else. @throws Error of the file system */
export async function freeSpace(folder: string): Promise<FreeSpace> {
  return spaceOf(await statfs(folder))
}

/** The same at once. @throws Error of the file system */
export function freeSpaceNow(folder: string): FreeSpace {
  return spaceOf(statfsSync(folder))
}

/** What this account may take of it: some is root's alone. */
function spaceOf({ bavail, bsize, files, ffree }: StatsFs): FreeSpace {
  return { bytes: bavail * bsize, files: files > 0 ? ffree : null }
}
