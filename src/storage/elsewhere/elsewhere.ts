import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Clock, systemClock } from '../../core/clock.ts'
import { ConfigError, messageOf, TransportError, UsageError } from '../../core/errors.ts'
import { CopyCache } from './copy-cache.ts'
import { awayFrom, type Copy, MANIFEST, type Manifest, placeOf, readManifest, unpacked } from './manifest.ts'
import { openStore } from './open-store.ts'
import { MARK, type Store } from './store.ts'

/** Milliseconds before a store that did not answer is asked again. */
const AGAIN_MS = 30_000

/** A store answered, but does not have the expected file. */
class NotThatFile extends TransportError {}

/**
 * The files of a data directory that are stored elsewhere. A file is fetched whole, compared with what was
 * pushed, and kept for a while on this machine.
 */
export class Elsewhere {
  readonly #path: string
  readonly #env: Readonly<Record<string, string | undefined>>
  readonly #cache: CopyCache
  readonly #clock: Pick<Clock, 'now'>
  readonly #stores = new Map<string, Store>()
  /** Stores that do not answer, with the reason and since when, ms of the monotonic clock. */
  readonly #silent = new Map<string, { since: number; readonly why: Error }>()
  readonly #fetching = new Map<string, Promise<string>>()
  readonly #unreached = new Map<string, TransportError>()
  #stamp = ''
  #manifest: Manifest = new Map()

  /** @param cache a folder for copies, in a state folder */
  constructor(
    dir: string,
    cache: string,
    env: Readonly<Record<string, string | undefined>> = process.env,
    clock: Pick<Clock, 'now'> = systemClock,
  ) {
    this.#path = join(dir, MANIFEST)
    this.#env = env
    this.#cache = new CopyCache(cache)
    this.#clock = clock
  }

  /** Reads the manifest if it has changed; a directory without a manifest has nothing elsewhere. */
  refresh(): this {
    try {
      const { mtimeMs, size, ino } = statSync(this.#path)
      const stamp = `${mtimeMs} ${size} ${ino}`
      if (stamp === this.#stamp) return this
      this.#manifest = readManifest(readFileSync(this.#path, 'utf8'))
      this.#stamp = stamp
    } catch {
      this.#stamp = ''
      this.#manifest = new Map()
    }
    return this
  }

  /**
   * The files that are not among those that are here. For files that are here, failures to reach them are
   * forgotten.
   */
  away(here: Iterable<string>): Copy[] {
    const away = awayFrom(this.#manifest, here).map(([newest]) => newest)
    const names = new Set(away.map(({ file }) => file))
    for (const file of this.#unreached.keys()) if (!names.has(file)) this.#unreached.delete(file)
    return away
  }

  /** Files that could not be read from their store, with the reason, as of the last attempt. */
  get unreached(): ReadonlyMap<string, Error> {
    return this.#unreached
  }

  /**
   * The path of a copy on this machine, identical to what was pushed; undefined if the file is not elsewhere.
   * @throws TransportError if no store has it as it was pushed, or none answers
   */
  async copy(file: string, signal = new AbortController().signal): Promise<string | undefined> {
    const copies = this.#manifest.get(unpacked(file))
    if (!copies) return undefined
    const [{ sha256 }] = copies
    const fetching = this.#fetching.get(sha256) ?? this.#fetch(copies, signal)
    this.#fetching.set(sha256, fetching)
    try {
      const path = await fetching
      this.#unreached.delete(file)
      return path
    } catch (error) {
      if (error instanceof TransportError) this.#unreached.set(file, error)
      throw error
    } finally {
      this.#fetching.delete(sha256)
    }
  }

  /**
   * Asks stores that did not answer again: if they do now, their files count as reachable until they are
   * read.
   */
  async retry(signal: AbortSignal): Promise<void> {
    for (const [place, silent] of this.#silent) {
      if (this.#clock.now() - silent.since < AGAIN_MS) continue
      try {
        const pieces = await this.#stores.get(place)?.read(MARK, signal)
        for await (const _ of pieces ?? []) break
        this.#silent.delete(place)
      } catch {
        silent.since = this.#clock.now()
      }
    }
    if (this.#silent.size > 0) return
    for (const [file, error] of this.#unreached)
      if (!(error instanceof NotThatFile)) this.#unreached.delete(file)
  }

  async #fetch(copies: readonly [Copy, ...Copy[]], signal: AbortSignal): Promise<string> {
    const [newest] = copies
    const here = this.#cache.find(newest)
    if (here !== undefined) return here
    const faults: Error[] = []
    for (const copy of copies) {
      const place = placeOf(copy)
      const silent = this.#silent.get(place)
      if (silent && this.#clock.now() - silent.since < AGAIN_MS) {
        faults.push(silent.why)
        continue
      }
      try {
        const path = await this.#fetchFrom(copy, signal)
        this.#silent.delete(place)
        return path
      } catch (error) {
        const isKnown =
          error instanceof TransportError || error instanceof ConfigError || error instanceof UsageError
        if (!isKnown) throw error
        faults.push(error)
        if (!(error instanceof NotThatFile)) this.#silent.set(place, { since: this.#clock.now(), why: error })
      }
    }
    const text = `${newest.file} is stored elsewhere: ${faults.map(messageOf).join('; ')}`
    throw faults.every((fault) => fault instanceof NotThatFile)
      ? new NotThatFile(text)
      : new TransportError(text, { cause: faults[0] })
  }

  async #fetchFrom(copy: Copy, signal: AbortSignal): Promise<string> {
    const { file, store: url } = copy
    const pieces = await this.#storeOf(copy).read(file, signal)
    if (!pieces) throw new NotThatFile(`it is no longer in ${url}`)
    const path = await this.#cache.keep(copy, pieces).catch((cause: unknown) => {
      if ((cause as NodeJS.ErrnoException).code === undefined) throw cause
      throw new TransportError(`${this.#cache.folder}: ${messageOf(cause)}`, { cause })
    })
    if (path === undefined)
      throw new NotThatFile(`what is in ${url} is not what was pushed there (truncated or changed)`)
    return path
  }

  #storeOf(copy: Copy): Store {
    const { store, endpoint } = copy
    const known = this.#stores.get(placeOf(copy))
    if (known) return known
    const opened = openStore(store, { endpoint, env: this.#env, scratch: this.#cache.folder })
    this.#stores.set(placeOf(copy), opened)
    return opened
  }
}
