import { join, resolve } from 'node:path'
import { type FeedDeclaration, feedAddress, type HeldEpoch, type Row } from '../../core/channels.ts'
import { ConfigError, messageOf, TransportError } from '../../core/errors.ts'
import type { FeedEpoch, FeedSink, Follower } from '../../core/feed-sink.ts'
import { readId, writeId } from './data-dir.ts'
import { type Disk, disk as realDisk } from './disk.ts'
import { FileList, type RowsByEpoch } from './file-list.ts'
import { FrameWriter } from './frame-writer.ts'
import { newFilePath } from './g3-file.ts'
import { goneText, type Sealed } from './g3-files.ts'
import { epochKey, Ledger, type LedgerEntry } from './ledger.ts'
import { lockDataDir } from './lock.ts'
import { ownPath } from './own-folder.ts'
import { Provider } from './provider.ts'
import { recover, type Torn } from './recover.ts'
import { countersOf, type RecorderCounters, type Remembered, sameDisk } from './remembered.ts'
import { count } from './spans.ts'
import { type Displaced, Whereabouts } from './whereabouts.ts'

/** Seconds of data a file may span: so3g looks for data up to an hour from a file's name, less at a folder's edge. */
export const MAX_TIME_PER_FILE = 3600
/** Bytes of rows in memory at which all frames close, and at which no more are taken. */
const MANY_BYTES = 32 << 20
const MOST_BYTES = 64 << 20
/** Milliseconds that closing may take. */
const CLOSE_MS = 1800

export interface RecorderOptions {
  readonly dir: string
  /** Address root, the first word of each feed's address. */
  readonly root: string
  /** Seconds of data a file spans at most; 3600 by default, which is also the most. */
  readonly timePerFile?: number | undefined
  /** Seconds of data a frame spans at most, in place of what each feed declares. */
  readonly frameLength?: number | undefined
  readonly disk?: Disk
  /** What the recorder before this one, in the same process, has left to be remembered. */
  readonly remembered?: Remembered
  /** Whether to fetch again what was in closed files that are gone. */
  readonly refill?: boolean
  /** The instances whose feeds are recorded; all by default. */
  readonly wants?: (instance: string) => boolean
  log(text: string): void
  event(level: 'info' | 'warning' | 'error', kind: string, text: string): void
}

/** How a feed is doing, by OCS's names where OCS has one. */
export interface ProviderState {
  /** When rows came last, unix s. */
  readonly last_refresh: number
  /** The epoch. */
  readonly sessid: string
  readonly last_block_received: string
  /** Declared seconds between two samples of its quickest field. */
  readonly rhythm: number | undefined
  /** The last row taken, and the last that is in a synced file. */
  readonly seq: number
  readonly recorded: number
}
/**
 * Records feeds in the `.g3` files of a data directory: rows become frames, a frame is synced, and then acknowledged.
 * A disk that fails is tried again every second; meanwhile rows wait in memory, and then with their agents.
 */
export class Recorder implements FeedSink, AsyncDisposable {
  readonly dir: string
  /** Whether it had no recordings before. */
  readonly isNew: boolean
  readonly counters: RecorderCounters
  readonly #options: RecorderOptions
  readonly #maxLength: number
  readonly #lock: Disposable
  readonly #ledger: Ledger
  readonly #writer: FrameWriter
  readonly #providers = new Map<string, Provider>()
  readonly #acks = new Map<LedgerEntry, FeedEpoch>()
  #bytes = 0
  #follower: Follower | undefined
  #currentFile: string | undefined
  #stopping = false
  readonly #holes: RowsByEpoch
  readonly #displaced = Promise.withResolvers<Displaced>()

  private constructor(options: RecorderOptions, begun: Begun) {
    const { root, log, event, disk = realDisk, timePerFile = MAX_TIME_PER_FILE } = options
    const { dir, lock, ledger, whereabouts, list, holes, isNew } = begun
    this.dir = dir
    this.isNew = isNew
    this.#options = options
    // A file's name is a whole second, so its first frame may span a second less than the file.
    this.#maxLength = timePerFile - 1
    this.#lock = lock
    this.#ledger = ledger
    this.#holes = holes
    const { remembered = {} } = options
    this.counters = countersOf(remembered)
    this.counters.torn_tails += begun.torn
    const opened = (path: string) => {
      this.#currentFile = path
      log(`new file: ${path}`)
    }
    const openStarts = () => this.#providers.values().map(({ start }) => start)
    const written = (frames: readonly Sealed[]) => this.#written(frames)
    const displaced = (error: Displaced) => this.#giveUp(error)
    const { counters } = this
    const counted = {
      failed: () => counters.disk_failures++,
      uncut: () => counters.uncut_files++,
      leftOut: (rows: number) => {
        counters.quarantined += rows
      },
    }
    const place = { disk, dir, root, ledger, whereabouts, list }
    this.#writer = new FrameWriter({
      ...place,
      ...counted,
      timePerFile,
      openStarts,
      opened,
      event,
      written,
      displaced,
    })
  }

  /**
   * Locks a data directory, finds out what it holds and sets torn ends of files aside.
   * @throws ConfigError when another recorder is at work there, or for a time per file that so3g could not read
   * @throws TransportError when the disk fails, or another is in place of the one that this process recorded to; trying
   * again may help
   */
  static async open(options: RecorderOptions): Promise<Recorder> {
    const { disk = realDisk, timePerFile = MAX_TIME_PER_FILE, log, event, remembered = {} } = options
    if (!(timePerFile > 0 && timePerFile <= MAX_TIME_PER_FILE)) {
      const why = 'so3g does not find data more than an hour from the name of their file'
      throw new ConfigError(`--time-per-file ${timePerFile}: more than 0 and at most 3600 s: ${why}`)
    }
    const dir = resolve(options.dir)
    let lock: Disposable | undefined
    try {
      await sameDisk(disk, dir, remembered, event)
      await disk.makeFolder(dir)
      lock = lockDataDir(dir)
      await disk.makeFolder(ownPath(dir, '.'))
      const whereabouts = await Whereabouts.of(disk, dir)
      await disk.remove(newFilePath(dir))
      const id = await readId(disk, dir)
      const { ledger, torn, unreadable, ended, holes } = await recover(disk, dir, id, options.refill)
      const known = ledger ?? new Ledger(id ?? crypto.randomUUID())
      if (id === undefined) await writeId(disk, dir, known.dataDir)
      remembered.place = { device: whereabouts.device, id: known.dataDir }
      const list = await FileList.open(disk, dir)
      for (const file of ended) if (!list.has(file.file)) await list.add(file)
      for (const end of torn) event('warning', 'torn', tornText(dir, end))
      for (const { path, reason } of unreadable)
        event(
          'warning',
          'unreadable',
          `${path}: ${reason}: what is in it is not known; allow reading it, or move it away`,
        )
      const gone = await list.newlyGone()
      if (gone.length > 0) event('warning', 'moved', goneText(dir, gone))
      for (const [epoch, spans] of holes)
        log(`${epoch}: ${count(spans)} rows that were in files that are gone are asked for again`)
      log(`recording to ${dir}`)
      return new Recorder(options, {
        ...{ dir, lock, ledger: known, whereabouts, list, holes, torn: torn.length },
        isNew: !ledger && id === undefined,
      })
    } catch (cause) {
      lock?.[Symbol.dispose]()
      if (cause instanceof ConfigError || cause instanceof TransportError) throw cause
      throw new TransportError(`data directory ${dir}: ${messageOf(cause)}`, { cause })
    }
  }

  /** The data directory's UUID. */
  get id(): string {
    return this.#ledger.dataDir
  }
  /** The newest file's path; undefined before there is one. */
  get currentFile(): string | undefined {
    return this.#currentFile
  }
  /** What keeps frames from being written, if anything does. */
  get problem(): string | undefined {
    return this.#writer.problem
  }
  /**
   * Resolves when what is being written has been moved or removed: nothing is taken or acknowledged any more, and another
   * recorder has to begin where this one ends.
   */
  get displaced(): Promise<Displaced> {
    return this.#displaced.promise
  }
  /** The feeds being recorded, by address. */
  get providers(): Record<string, ProviderState> {
    const states: Record<string, ProviderState> = {}
    for (const { address, from, entry, taken, lastRefresh, lastBlock, rhythm } of this.#providers.values()) {
      // Of several epochs at a time (one is drained) the one that lives is shown.
      if ((states[address]?.last_refresh ?? -1) > lastRefresh) continue
      states[address] = {
        last_refresh: lastRefresh,
        sessid: from.epoch,
        last_block_received: lastBlock,
        rhythm,
        seq: taken,
        recorded: entry.last,
      }
    }
    return states
  }

  /** Who carries acknowledgements; those made before are sent now. */
  attach(follower: Follower): void {
    this.#follower = follower
    for (const [entry, from] of this.#acks) this.#acknowledge(from, entry)
    this.#acks.clear()
  }

  wants(instance: string): boolean {
    return this.#options.wants?.(instance) ?? true
  }

  position(from: FeedEpoch, held: HeldEpoch): number {
    const known = this.#ledger.find(from)
    // An agent that has not heard of what is recorded would keep it for ever.
    if (known && held.acked < Math.min(known.last, held.last)) void this.#acknowledgeIfThere(from, known)
    if (known) return this.#providers.get(epochKey(from))?.taken ?? this.#begins(known)
    // Of an epoch that began in another data directory the rows that are gone from the spool are there, not lost.
    const entry = this.#ledger.entry(from)
    entry.last = Math.min(held.acked, held.first - 1)
    if (entry.last > 0) entry.begin = entry.last
    return entry.last
  }

  rows(from: FeedEpoch, declaration: FeedDeclaration, rows: readonly Row[]): boolean {
    if (this.#stopping || this.#bytes > MOST_BYTES) return false
    const provider = this.#provider(from)
    const seq = rows[0]?.seq ?? 0
    if (seq > provider.taken + 1) {
      // Taking them would say that the rows between are recorded; the spool still has all of them.
      const text = `row ${seq} came after row ${provider.taken}: not taken`
      provider.complain('hole', text, text)
      return false
    }
    for (const row of rows) {
      if (row.seq === provider.taken + 1) provider.take(declaration, row)
      else this.counters.duplicates++
    }
    if (this.#bytes > MANY_BYTES) this.#sealAll()
    return true
  }

  gap(from: FeedEpoch, first: number, last: number, malformed?: string): void {
    const provider = this.#provider(from)
    // Of rows that were in files that are gone it is not known that they are lost.
    const start = Math.max(first, provider.taken + 1, provider.recorded + 1)
    if (last >= first) provider.pass(Math.min(last, provider.recorded))
    if (last < start) return
    if (malformed !== undefined) {
      provider.leaveOut(last, malformed)
      return
    }
    const reason = 'gone from the spool'
    this.#options.event('warning', 'gap', `${provider.address}: rows ${start} to ${last} are lost: ${reason}`)
    this.counters.gaps += last - start + 1
    provider.gap(last, reason)
  }

  ended(from: FeedEpoch): void {
    const provider = this.#providers.get(epochKey(from))
    provider?.seal()
    const entry = this.#ledger.find(from)
    if (entry) entry.end = Math.max(entry.last, provider?.taken ?? 0)
  }

  /** Closes all frames; resolves once they are synced and acknowledged. */
  async flush(): Promise<void> {
    this.#sealAll()
    await this.#writer.flush()
  }

  /** Writes, syncs and acknowledges what there is, for `patience` ms at most, and frees the directory. */
  async [Symbol.asyncDispose](patience = CLOSE_MS): Promise<void> {
    const late = Promise.withResolvers<void>()
    const timer = setTimeout(late.resolve, patience)
    const written = this.flush()
    this.#stopping = true
    await Promise.race([written, late.promise])
    await this.#writer.close(late.promise)
    clearTimeout(timer)
    this.#lock[Symbol.dispose]()
  }

  #provider(from: FeedEpoch): Provider {
    const key = epochKey(from)
    const known = this.#providers.get(key)
    if (known) return known
    const entry = this.#ledger.entry(from)
    const { root, frameLength, event } = this.#options
    const holes = this.#holes.get(key) ?? []
    this.#holes.delete(key)
    const provider = new Provider(from, entry, {
      root,
      frameLength,
      maxLength: this.#maxLength,
      holes,
      types: this.#ledger.types(feedAddress(root, from.instance, from.feed)),
      begun: (start) => this.#writer.begin(from, entry, start),
      sealed: (sealed) => this.#writer.push(sealed),
      took: (bytes) => {
        this.#bytes += bytes
      },
      quarantined: () => {
        this.counters.quarantined++
      },
      renamed: () => {
        this.counters.renamed++
      },
      event,
    })
    for (const [other, { address, taken, entry }] of this.#providers)
      if (address === provider.address && taken === entry.last) this.#providers.delete(other)
    this.#providers.set(key, provider)
    return provider
  }

  /** Where reading an epoch begins: behind what is recorded, or before rows that are to be fetched again. */
  #begins(entry: LedgerEntry): number {
    const [hole] = this.#holes.get(epochKey(entry)) ?? []
    return hole ? Math.min(hole.first - 1, entry.last) : entry.last
  }

  #giveUp(error: Displaced): void {
    this.#stopping = true
    this.counters.displaced++
    const again = 'beginning anew; what was not recorded is taken again from the agents'
    this.#options.event('error', 'displaced', `${error.message}: ${again}`)
    this.#displaced.resolve(error)
  }

  #sealAll(): void {
    for (const provider of this.#providers.values()) provider.seal()
  }

  #written(frames: readonly Sealed[]): void {
    const latest = new Map<LedgerEntry, FeedEpoch>()
    for (const { from, entry, frame } of frames) {
      this.#ledger.written(entry, frame.last, frame.gaps)
      this.#bytes -= frame.bytes
      this.counters.rows += frame.rows
      this.counters.samples += frame.samples
      if (!frame.empty) this.counters.frames++
      latest.set(entry, from)
    }
    for (const [entry, from] of latest) this.#acknowledge(from, entry)
  }

  /** Acknowledges, long after they were written, rows whose agent has not heard of it. */
  async #acknowledgeIfThere(from: FeedEpoch, entry: LedgerEntry): Promise<void> {
    try {
      await this.#writer.check()
      if (!this.#stopping) this.#acknowledge(from, entry)
    } catch {
      // What is wrong is told by what is written next; until it is right nothing is acknowledged.
    }
  }

  #acknowledge(from: FeedEpoch, entry: LedgerEntry): void {
    if (this.#follower) this.#follower.acknowledge(from, entry.last, this.id)
    else this.#acks.set(entry, from)
  }
}

/** What a recorder begins with. */
interface Begun {
  readonly dir: string
  readonly lock: Disposable
  readonly ledger: Ledger
  readonly whereabouts: Whereabouts
  readonly list: FileList
  readonly holes: RowsByEpoch
  /** Torn ends that were set aside. */
  readonly torn: number
  /** Whether nothing had been recorded there. */
  readonly isNew: boolean
}

function tornText(dir: string, { path, kept, bytes, reason }: Torn): string {
  return `${join(dir, path)} was torn (${reason}): ${bytes} bytes are kept in ${join(dir, kept)}`
}
