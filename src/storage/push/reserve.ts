import { randomBytes } from 'node:crypto'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { diskAdvice, diskFault } from '../../core/disk-fault.ts'
import { messageOf, TransportError } from '../../core/errors.ts'
import { ownPath } from '../recorder/own-folder.ts'

/** Bytes for the notes that must be written before room can be made on a full disk. */
const BYTES = 4 << 20

/** Reserves room in a data directory while there is some. */
export function setAside(dir: string): void {
  const path = ownPath(dir, 'push-reserve')
  if (existsSync(path)) return
  try {
    // A file system with compression would reserve nothing for zeros.
    writeFileSync(path, randomBytes(BYTES))
  } catch {
    rmSync(path, { force: true })
  }
}

/**
 * Does work that needs disk space; if there is none, repeats it with the reserve.
 * @throws TransportError if the disk accepts nothing; trying again may help
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
