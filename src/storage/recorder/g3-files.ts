import { join } from 'node:path'
import { feedAddress } from '../../core/channels.ts'
import { counted } from '../../core/counted.ts'
import { messageOf } from '../../core/errors.ts'
import type { FeedEpoch } from '../../core/feed-sink.ts'
import { dataFrame, type HkData, statusWithGaps } from '../g3/hk.ts'
import type { Disk } from './disk.ts'
import type { FileList } from './file-list.ts'
import { HkFile } from './g3-file.ts'
import { epochKey, type Ledger, type LedgerEntry } from './ledger.ts'
import { isTogether, type OpenFrame } from './open-frame.ts'
import { Displaced, type Whereabouts } from './whereabouts.ts'

/**
 * Files that stay open even if nothing comes for them: the present hour's, and those of late data or wrong
 * clocks.
 */
const OPEN_FILES = 4
/**
 * Maximum number of open files. Late data fill the files of many hours in turn, feed after feed and log after
 * log. Files written within `LATELY_MS` stay open, so that each hour has one file.
 */
const MOST_OPEN = 200
const LATELY_MS = 600_000
/** Maximum bytes of frames that are written and synced together. */
const BATCH = 4 << 20
/** How often a failed file is cut before it is left as it is. */
const CUTS = 5

/** Rows of an epoch, ready to be written. */
export interface Sealed {
  readonly from: FeedEpoch
  readonly entry: LedgerEntry
  readonly frame: OpenFrame
}
export interface FilesOptions {
  readonly disk: Disk
  readonly dir: string
  readonly root: string
  readonly ledger: Ledger
  readonly whereabouts: Whereabouts
  readonly list: FileList
  /** Maximum seconds of data in a file. */
  readonly timePerFile: number
  /** When the open frames begin, unix s. */
  openStarts(): Iterable<number>
  /** Called with the absolute path of each new file. */
  opened(path: string): void
  event(level: 'info' | 'warning' | 'error', kind: string, text: string): void
  /** Called with the number of rows that could not be encoded and are left out. */
  leftOut(rows: number): void
  /** Called if a file could not be cut back. */
  uncut(): void
}

/** The files of a data directory that are being written. Only one call at a time. */
export class HkFiles {
  readonly #options: FilesOptions
  /** Least recently written first. */
  readonly #open: HkFile[] = []
  readonly #spoilt: { readonly file: HkFile; cuts: number }[] = []
  #stamp = 0

  constructor(options: FilesOptions) {
    this.#options = options
  }

  /** Makes sure that a file is open for data of `from` that begin at `start` (unix s). */
  async prepare(from: FeedEpoch, entry: LedgerEntry, start: number): Promise<void> {
    await this.#cutSpoilt()
    if (this.#open.length === 0) await this.#create(start, [{ from, entry }])
  }

  /**
   * Writes the first of the frames, and those after it that go into the same file; returns how many. If it
   * resolves they survive a power cut; if it rejects none of them is in a file.
   * @throws Displaced if a file being written has been moved or removed; nothing can be written any more
   */
  async write(waiting: readonly Sealed[]): Promise<number> {
    await this.#cutSpoilt()
    const [next] = waiting
    if (!next) return 0
    const file = await this.#fileFor(next, waiting)
    const parts: Uint8Array[] = []
    let bytes = 0
    for (const sealed of waiting) {
      if (sealed !== next && (bytes > BATCH || this.#existing(sealed) !== file)) break
      file.takes(epochKey(sealed.entry), sealed.frame)
      const part = this.#encode(file, sealed)
      parts.push(part)
      bytes += part.length
    }
    this.#touch(file)
    try {
      await file.append(parts.length === 1 ? (parts[0] ?? new Uint8Array()) : Buffer.concat(parts))
    } catch (error) {
      if (error instanceof Displaced) {
        // Wherever the file is now, it must not keep rows that will be recorded again.
        await file.cut().catch(() => {})
        throw error
      }
      this.#open.splice(this.#open.indexOf(file), 1)
      this.#spoilt.push({ file, cuts: 0 })
      await this.#cutSpoilt().catch(() => {})
      throw error
    }
    for (const { entry, frame } of waiting.slice(0, parts.length)) file.took(epochKey(entry), frame)
    return parts.length
  }

  /** @throws Displaced if an open file, the directory or its lock is not where it was */
  async check(): Promise<void> {
    await this.#options.whereabouts.check()
    await Promise.all(this.#open.map((file) => file.check()))
  }

  async close(): Promise<void> {
    await this.#cutSpoilt().catch(() => {})
    for (const file of this.#open.splice(0)) await this.#end(file)
    for (const { file } of this.#spoilt.splice(0)) await file.close().catch(() => {})
  }

  /** Closes a file and lists it. */
  async #end(file: HkFile): Promise<void> {
    const { whereabouts, list } = this.#options
    const here = await file.check().then(
      () => true,
      () => false,
    )
    await file.close().catch(() => {})
    // If the directory has been replaced there is nothing to note.
    const listed = await whereabouts.check().then(
      () => true,
      () => false,
    )
    if (listed) await list.add(here ? file.summary : { ...file.summary, displaced: true })
  }

  async #fileFor(sealed: Sealed, waiting: readonly Sealed[]): Promise<HkFile> {
    const { frame } = sealed
    const existing = this.#existing(sealed)
    if (existing) return existing
    const withData = waiting.filter((sealed) => !sealed.frame.empty)
    return this.#create(frame.empty ? Date.now() / 1000 : this.#startFor(frame, withData), withData)
  }

  /**
   * Where a new file for a frame begins: early enough for frames of other feeds that began before it and come
   * later.
   */
  #startFor({ start, end, grid }: OpenFrame, waiting: readonly Sealed[]): number {
    const { timePerFile, openStarts } = this.#options
    const others = [...waiting.map(({ frame }) => frame.start), ...openStarts()]
    return others
      .filter((other) => other > start - timePerFile / 2 && end <= Math.floor(other) + timePerFile)
      .filter((other) => isTogether(other, start) && isTogether(other, start, grid))
      .reduce((a, b) => Math.min(a, b), start)
  }

  /** The file for a frame; gaps without data go into the last file written. */
  #existing(sealed: Sealed): HkFile | undefined {
    if (!this.#options.ledger.tells(sealed.entry)) return undefined
    return sealed.frame.empty ? this.#open.at(-1) : this.#fitting(sealed)
  }

  /** The newest file that fits: so3g reads files in name order, which then is the order of their data. */
  #fitting({ entry, frame }: Sealed): HkFile | undefined {
    return this.#open
      .filter((file) => file.fits(frame.start, frame.end, this.#options.timePerFile))
      .filter((file) => file.follows(epochKey(entry), frame))
      .reduce<HkFile | undefined>((a, b) => (a && a.name > b.name ? a : b), undefined)
  }

  async #create(start: number, waiting: readonly Pick<Sealed, 'from' | 'entry'>[]): Promise<HkFile> {
    const { root, dir, ledger, opened } = this.#options
    const providers = new Map<number, string>()
    for (const { from, entry } of waiting)
      providers.set(ledger.provider(entry), feedAddress(root, from.instance, from.feed))
    const time = this.#now()
    ledger.prune(time)
    const generation = ledger.generation + 1
    const text = ledger.text(this.#open.map(({ path }) => path))
    const head = { sessionId: sessionId(time, generation, ledger.dataDir), time, generation, ledger: text }
    const file = await HkFile.create(this.#options, start, head, providers)
    ledger.generation = generation
    this.#open.push(file)
    for (const idle of this.#idle()) await this.#end(idle)
    await this.#lookForGone()
    opened(join(dir, file.path))
    return file
  }

  /** Removes and returns files for which nothing more is expected. */
  #idle(): HkFile[] {
    const since = performance.now() - LATELY_MS
    const beyond = this.#open.length - MOST_OPEN
    const idle = this.#open
      .slice(0, -OPEN_FILES)
      .filter(({ written }, place) => written < since || place < beyond)
    // The least recently written come first.
    return this.#open.splice(0, idle.length)
  }

  /** The bytes of a frame for a file, preceded by a status frame if its provider must be named. */
  #encode(file: HkFile, { from, entry, frame }: Sealed): Uint8Array {
    const { root, ledger } = this.#options
    if (frame.empty) return this.#gaps(file, frame)
    const provider = ledger.provider(entry)
    const known = file.providers.has(provider)
    if (!known) file.providers.set(provider, feedAddress(root, from.instance, from.feed))
    const status = known ? [] : [statusWithGaps(file.sessionId, this.#now(), file.providers, [])]
    const { first, last, gaps } = frame
    const blocks = frame.blocks.map((columns) => ({
      name: columns.plan.block,
      times: columns.times,
      fields: columns.fields(),
    }))
    const data: HkData = { root, from, provider, first, last, blocks, gaps }
    try {
      const bytes = dataFrame(file.sessionId, this.#now(), data)
      return status.length > 0 ? Buffer.concat([...status, bytes]) : bytes
    } catch (error) {
      // Values were checked one by one, so this is a bug; the rest continues to be recorded.
      const reason = `cannot be written: ${messageOf(error)}`
      const text = `${feedAddress(root, from.instance, from.feed)}: rows ${first} to ${last} ${reason}`
      this.#options.event('error', 'quarantine', text)
      this.#options.leftOut(frame.rows)
      frame.drop({ ...from, first, last, reason })
      return this.#gaps(file, frame)
    }
  }

  #gaps(file: HkFile, { gaps }: OpenFrame): Uint8Array {
    return statusWithGaps(file.sessionId, this.#now(), file.providers, gaps)
  }

  /** Frames written after a failure must not appear twice: a failed file is first cut, then closed. */
  async #cutSpoilt(): Promise<void> {
    for (const spoilt of [...this.#spoilt]) {
      const { file } = spoilt
      try {
        await file.cut()
      } catch (error) {
        if (++spoilt.cuts < CUTS) throw error
        const text = `${file.path} cannot be truncated; its last frames may also be in another file`
        this.#options.event('error', 'disk', text)
        this.#options.uncut()
      }
      this.#spoilt.splice(this.#spoilt.indexOf(spoilt), 1)
      await this.#end(file)
    }
  }

  /** Reports, once each, closed files that somebody has moved away. */
  async #lookForGone(): Promise<void> {
    const gone = await this.#options.list.newlyGone()
    if (gone.length > 0) this.#options.event('warning', 'moved', goneText(this.#options.dir, gone))
  }

  #touch(file: HkFile): void {
    this.#open.splice(this.#open.indexOf(file), 1)
    this.#open.push(file)
  }

  /** The time for a frame, unix s: always increasing, as so3g requires, whatever the clock does. */
  #now(): number {
    this.#stamp = Math.max(Date.now() / 1000, this.#stamp + 1e-5)
    return this.#stamp
  }
}

/** The message about closed files that are gone. */
export function goneText(dir: string, gone: readonly string[]): string {
  const [first = '', ...more] = gone
  const files = `${join(dir, first)}${more.length > 0 ? ` and ${counted(more.length, 'more file')}` : ''}`
  const not = 'their data is not fetched again unless you ask for it ("ocs aggregate refill")'
  return `${files}: moved or lost after they were closed; ${not}`
}

/**
 * Unique for each file, in so3g's form: 32 bits of time, then bits that distinguish sessions of one second.
 */
function sessionId(time: number, generation: number, dataDir: string): bigint {
  const tag = BigInt(Bun.hash.crc32(dataDir) & 0x3fff)
  return (BigInt(Math.floor(time)) << 28n) | (BigInt(generation & 0x3fff) << 14n) | tag
}
