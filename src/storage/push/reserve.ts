import { randomBytes } from 'node:crypto'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { diskAdvice, diskFault } from '../../core/disk-fault.ts'
import { messageOf, TransportError } from '../../core/errors.ts'
import { ownPath } from '../recorder/own-folder.ts'

/** Bytes for what has to be noted before a full disk can be given room. */
const BYTES = 4 << 20

/** Sets room aside in a data directory while there is some. */
export function setAside(dir: string): void {
  const path = ownPath(dir, 'push-reserve')
  if (existsSync(path)) return
  try {
    // A file system that packs zeros would keep no room by them.
    writeFileSync(path, randomBytes(BYTES))
  } catch {
    rmSync(path, { force: true })
  }
}

/**
 * Does what takes room; where there is none, again with what was set aside.
 * @throws TransportError when the disk takes nothing; trying again may help
 */
export async function withReserve(dir: string, work: () => Promise<void>): Promise<void> {
  const path = ownPath(dir, 'push-reserve')
  try {
    await work().catch(async (error: unknown) => {
      if (diskFault(error) !== 'full' || !existsSync(path)) throw error
      rmSync(path)
      await work()
    })
  } catch (cause) {
    if (!diskFault(cause)) throw cause
    const advice = diskAdvice(cause, '')
    throw new TransportError(`data directory ${dir}: ${messageOf(cause)}: ${advice}`, { cause })
  }
}
