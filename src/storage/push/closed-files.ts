import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isLocked } from '../../machine/lock-file.ts'
import { unpacked } from '../elsewhere/manifest.ts'
import { disk } from '../recorder/disk.ts'
import { closedFiles } from '../recorder/file-list.ts'
import { lockPath } from '../recorder/lock.ts'
import { filesOf } from '../recorder/recover.ts'

/**
 * Milliseconds without changes after which a file counts as closed, if no recorder is at work and none listed
 * it.
 */
const SETTLED_MS = 86_400_000

/** A file that is no longer written. */
export interface ClosedHere {
  readonly path: string
  readonly size: number
  /** When it was last written, unix ms. */
  readonly mtime: number
  /** Whether it may be removed from here: the file that a recorder starts from has to stay. */
  readonly mayGo: boolean
}

/**
 * The files of a data directory that are no longer written, oldest first: those that the recorder has listed
 * as closed; and, while no recorder is at work, unlisted files that nobody has written to for a day.
 * @returns the other files as well, as `open`
 */
export async function closedIn(dir: string): Promise<{ closed: ClosedHere[]; open: string[] }> {
  const listed = new Map((await closedFiles(disk, dir)).map((one) => [one.file, one]))
  const isAtWork = isLocked(lockPath(dir))
  const paths = [...(await filesOf(disk, dir)), ...(await filesOf(disk, dir, [], '.g3.gz'))].sort()
  const generation = (path: string) => listed.get(unpacked(path))?.generation ?? -1
  const newest = Math.max(-1, ...paths.map(generation))
  const closed: ClosedHere[] = []
  const open: string[] = []
  for (const path of paths) {
    const about = await stat(join(dir, path)).catch(() => undefined)
    if (!about?.isFile()) continue
    const isListed = listed.has(unpacked(path))
    const isSettled = !isAtWork && Date.now() - about.mtimeMs > SETTLED_MS
    if (!isListed && !isSettled) {
      open.push(path)
      continue
    }
    // Our recorder starts from the newest file, and treats what it has not listed as not recorded.
    const mayGo = isListed ? generation(path) < newest : listed.size === 0
    closed.push({ path, size: about.size, mtime: about.mtimeMs, mayGo })
  }
  return { closed, open }
}
