import { execFile } from 'node:child_process'
import { mkdirSync, statfsSync } from 'node:fs'
import { cp, rename, rmdir } from 'node:fs/promises'
import { promisify } from 'node:util'
import { messageOf, OpError } from '../core/errors.ts'

const run = promisify(execFile)

/** Bytes a small disk holds: kept in memory, so only what is written counts. */
const SIZE = 512 << 20

/** A disk of its own in memory behind a folder, which can be made full and be freed; needs the right to mount. */
export class SmallDisk {
  readonly #folder: string

  private constructor(folder: string) {
    this.#folder = folder
  }

  /** @throws OpError when it cannot be mounted */
  static async mount(folder: string): Promise<SmallDisk> {
    mkdirSync(folder, { recursive: true })
    try {
      await run('mount', ['-t', 'tmpfs', '-o', `size=${SIZE}`, 'tmpfs', folder])
    } catch (cause) {
      throw new OpError(`${folder}: no small disk can be mounted there: ${messageOf(cause)}`, { cause })
    }
    return new SmallDisk(folder)
  }

  /** Leaves no room: the disk shrinks to what is on it. */
  async fill(): Promise<void> {
    for (let page = 0; ; page++) {
      const { bsize, blocks, bfree } = statfsSync(this.#folder)
      try {
        await this.#resize(bsize * Math.max(1, blocks - bfree + page))
        return
      } catch (error) {
        // Something was written meanwhile.
        if (page === 10) throw error
      }
    }
  }

  async free(): Promise<void> {
    await this.#resize(SIZE)
  }

  /** Takes the disk away; what was on it is in the folder itself from then on. */
  async takeAway(): Promise<void> {
    const copy = `${this.#folder}.copy`
    await cp(this.#folder, copy, { recursive: true })
    await run('umount', ['--lazy', this.#folder])
    await rmdir(this.#folder)
    await rename(copy, this.#folder)
  }

  async #resize(bytes: number): Promise<void> {
    await run('mount', ['-o', `remount,size=${bytes}`, 'tmpfs', this.#folder])
  }
}
