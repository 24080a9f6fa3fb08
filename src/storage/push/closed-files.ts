import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isLocked } from '../../machine/lock-file.ts'
import { unpacked } from '../elsewhere/manifest.ts'
import { disk } from '../recorder/disk.ts'
import { closedFiles } from '../recorder/file-list.ts'
import { lockPath } from '../recorder/lock.ts'
import { filesOf } from '../recorder/recover.ts'

/** Milliseconds after which a file that no recorder of ours has closed, and none is at work on, is written no more. */
const SETTLED_MS = 86_400_000

/** A file that is not written any more. */
export interface ClosedHere {
  readonly path: string
  readonly size: number
  /** When it was last written, unix ms. */
  readonly mtime: number
  /** Whether it may go from here: what a recorder begins with has to stay. */
  readonly mayGo: boolean
}

/**
 * The files of a data directory that are not written any more, the oldest first: those that its recorder has listed as
 * closed; while none is at work, also such as nobody has listed and nobody has written for a day.
 * @returns the others, too
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
    // A recorder of ours begins with the newest file, and takes what it has not listed for what it has not recorded.
    const mayGo = isListed ? generation(path) < newest : listed.size === 0
    closed.push({ path, size: about.size, mtime: about.mtimeMs, mayGo })
  }
  return { closed, open }
}
