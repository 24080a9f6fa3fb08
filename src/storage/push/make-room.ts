import { dirname, join } from 'node:path'
import { freeSpace } from '../../machine/free-space.ts'
import { digestOf, isSame } from '../elsewhere/digest.ts'
import type { Store } from '../elsewhere/store.ts'
import { disk } from '../recorder/disk.ts'
import type { ClosedHere } from './closed-files.ts'
import type { Pusher } from './pusher.ts'

/** When files that are safe in a store are removed from here. */
export interface Keeping {
  /** Seconds after the last write. */
  readonly keep?: number | undefined
  /** Bytes to keep free on the disk of the data directory: below that, the oldest files are removed. */
  readonly floor?: number | undefined
}

export interface RoomOptions extends Keeping {
  readonly dir: string
  readonly store: Store
  /** Called once, before the first file is removed. */
  beforeRemoval(): Promise<void>
  log(text: string): void
  readonly signal: AbortSignal
}

/** Removes files from a data directory that are in a store. */
export class Room {
  readonly #options: RoomOptions
  readonly #pusher: Pusher
  removed = 0

  constructor(options: RoomOptions, pusher: Pusher) {
    this.#options = options
    this.#pusher = pusher
  }

  /**
   * Removes a file that no longer has to be kept, after comparing it, and the store's copy, with what was
   * pushed.
   * @param isFresh whether it was read back just now
   * @returns why it is not safe, as text; undefined if it is safe, whether removed or not
   */
  async look(file: ClosedHere, isFresh: boolean): Promise<string | undefined> {
    const { dir, keep, store, beforeRemoval, log, signal } = this.#options
    const { path, mtime, mayGo } = file
    const isOld = keep !== undefined && Date.now() - mtime > keep * 1000
    const copy = this.#pusher.known(file)
    if (!copy || !mayGo || !(isOld || (await this.short()) !== undefined)) return undefined
    const here = await digestOf([await disk.read(join(dir, path))])
    // Neither may replace the other, since nobody knows which one is right.
    if (!isSame(here, copy))
      return 'the file here differs from the pushed one, though size and time are the same'
    const there = isFresh ? copy : await this.#pusher.digestThere(path, signal)
    if (!there || !isSame(there, copy)) {
      log(`${path}: ${store.url} no longer has it as it was pushed: sending it again`)
      return await this.#pusher.push(file, signal)
    }
    if (this.removed === 0) await beforeRemoval()
    await disk.remove(join(dir, path))
    await disk.syncFolder(dirname(join(dir, path)))
    this.removed++
    log(`${path}: removed here`)
    return undefined
  }

  /** Free bytes, if there are too few; undefined if there are enough. */
  async short(): Promise<number | undefined> {
    const { dir, floor } = this.#options
    if (floor === undefined) return undefined
    const { bytes } = await freeSpace(dir)
    return bytes < floor ? bytes : undefined
  }
}
