import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { bytesText } from '../../core/arguments/byte-size.ts'
import { type Digest, digestOf, isSame } from '../elsewhere/digest.ts'
import type { Copy } from '../elsewhere/manifest.ts'
import type { Store } from '../elsewhere/store.ts'
import { disk } from '../recorder/disk.ts'
import { factsOf } from '../recorder/file-facts.ts'
import type { ClosedHere } from './closed-files.ts'
import type { Copies } from './copies.ts'

/** How often a file is sent if it does not read back intact. */
const TRIES = 3

/** Puts files of a data directory into a store, and reads back what arrived. */
export class Pusher {
  readonly #dir: string
  readonly #store: Store
  readonly #copies: Copies
  readonly #log: (text: string) => void

  constructor(dir: string, store: Store, copies: Copies, log: (text: string) => void) {
    this.#dir = dir
    this.#store = store
    this.#copies = copies
    this.#log = log
  }

  /** The copy of a file as it is here; undefined if the store has none. */
  known({ path, size, mtime }: ClosedHere): Copy | undefined {
    const copy = this.#copies.of(path)
    return copy?.size === size && copy.mtime === mtime ? copy : undefined
  }

  /**
   * Makes sure that a file is in the store as it is here, and notes that.
   * @returns why it is not, as text; undefined if it is
   * @throws ConfigError, TransportError if the store accepts nothing
   */
  async push(file: ClosedHere, signal: AbortSignal): Promise<string | undefined> {
    const { path, size } = file
    const bytes = await disk.read(join(this.#dir, path))
    const digest = await digestOf([bytes])
    const known = this.#copies.of(path)
    // A file that was sent before the process was killed need not be sent again.
    const there = known && !isSame(known, digest) ? undefined : await this.digestThere(path, signal)
    if (there && !isSame(there, digest) && !this.#copies.isOurs(path))
      return `${this.#store.url} has another file of that name, which was not pushed from here: move it away`
    if (!there || !isSame(there, digest)) {
      await this.#copies.begin(path)
      const why = await this.#send(path, bytes, digest, signal)
      if (why !== undefined) return why
    }
    if (digest.size !== size || (await this.#hasChanged(file)))
      return 'it is being written: left for next time'
    await this.#copies.verified(file, digest, factsOf(bytes))
    this.#log(`${path}: ${bytesText(size)} in ${this.#store.url}, read back`)
    return undefined
  }

  /** The digest of the store's copy of a file; undefined if there is none. */
  async digestThere(path: string, signal: AbortSignal): Promise<Digest | undefined> {
    const pieces = await this.#store.read(path, signal)
    return pieces && (await digestOf(pieces))
  }

  async #send(
    path: string,
    bytes: Uint8Array,
    digest: Digest,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    for (let tried = 1; ; tried++) {
      await this.#store.put({ dir: this.#dir, path, bytes }, signal)
      const there = await this.digestThere(path, signal)
      if (there && isSame(there, digest)) return undefined
      const what = there ? `${there.size} bytes of ${digest.size}, or others` : 'nothing'
      const why = `${this.#store.url} has ${what} of what was sent`
      if (tried === TRIES) return `${why}, ${TRIES} times`
      this.#log(`${path}: ${why}: sending it again`)
    }
  }

  async #hasChanged({ path, size, mtime }: ClosedHere): Promise<boolean> {
    const about = await stat(join(this.#dir, path)).catch(() => undefined)
    return about?.size !== size || about.mtimeMs !== mtime
  }
}
