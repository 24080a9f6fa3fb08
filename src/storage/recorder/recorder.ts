import { join, resolve } from 'node:path'
import { type FeedDeclaration, feedAddress, type HeldEpoch, type Row } from '../../core/channels.ts'
import { ConfigError, messageOf, TransportError } from '../../core/errors.ts'
import type { FeedEpoch, FeedSink, Follower } from '../../core/feed-sink.ts'
import { readId, writeId } from './data-dir.ts'
import { type Disk, disk as realDisk } from './disk.ts'
import { FrameWriter } from './frame-writer.ts'
import { NEW_FILE } from './g3-file.ts'
import type { Sealed } from './g3-files.ts'
import { Ledger, type LedgerEntry } from './ledger.ts'
import { lockDataDir } from './lock.ts'
import { Provider } from './provider.ts'
import { recover, type Torn } from './recover.ts'

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
  /** The last row taken, and the last that is in a synced file. */
  readonly seq: number
  readonly recorded: number
}
/** What a recorder counts; `core/counters.ts` says what each is. */
export type RecorderCounters = Record<
  | 'rows'
  | 'samples'
  | 'frames'
  | 'duplicates'
  | 'gaps'
  | 'quarantined'
  | 'renamed'
  | 'torn_tails'
  | 'disk_failures'
  | 'uncut_files',
  number
>

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

  private constructor(
    options: RecorderOptions,
    dir: string,
    lock: Disposable,
    ledger: Ledger,
    { torn, isNew }: { torn: number; isNew: boolean },
  ) {
    const { root, log, event, disk = realDisk, timePerFile = MAX_TIME_PER_FILE } = options
    this.dir = dir
    this.isNew = isNew
    this.#options = options
    // A file's name is a whole second, so its first frame may span a second less than the file.
    this.#maxLength = timePerFile - 1
    this.#lock = lock
    this.#ledger = ledger
    this.counters = {
      rows: 0,
      samples: 0,
      frames: 0,
      duplicates: 0,
      gaps: 0,
      quarantined: 0,
      renamed: 0,
      torn_tails: torn,
      disk_failures: 0,
      uncut_files: 0,
    }
    const opened = (path: string) => {
      this.#currentFile = path
      log(`new file: ${path}`)
    }
    const openStarts = () => this.#providers.values().map(({ start }) => start)
    const written = (frames: readonly Sealed[]) => this.#written(frames)
    const { counters } = this
    const counted = {
      failed: () => counters.disk_failures++,
      uncut: () => counters.uncut_files++,
      leftOut: (rows: number) => {
        counters.quarantined += rows
      },
    }
    const files = { disk, dir, root, ledger, timePerFile, openStarts, opened, event, ...counted }
    this.#writer = new FrameWriter({ ...files, written })
  }

  /**
   * Locks a data directory, finds out what it holds and sets torn ends of files aside.
   * @throws ConfigError when another recorder is at work there, or for a time per file that so3g could not read
   * @throws TransportError when the disk fails; trying again may help
   */
  static async open(options: RecorderOptions): Promise<Recorder> {
    const { disk = realDisk, timePerFile = MAX_TIME_PER_FILE, log, event } = options
    if (!(timePerFile > 0 && timePerFile <= MAX_TIME_PER_FILE)) {
      const why = 'so3g does not find data more than an hour from the name of their file'
      throw new ConfigError(`--time-per-file ${timePerFile}: more than 0 and at most 3600 s: ${why}`)
    }
    const dir = resolve(options.dir)
    let lock: Disposable | undefined
    try {
      await disk.makeFolder(dir)
      lock = lockDataDir(dir)
      await disk.remove(join(dir, NEW_FILE))
      const id = await readId(disk, dir)
      const { ledger, torn } = await recover(disk, dir, id)
      const known = ledger ?? new Ledger(id ?? crypto.randomUUID())
      if (id === undefined) await writeId(disk, dir, known.dataDir)
      for (const end of torn) event('warning', 'torn', tornText(dir, end))
      log(`recording to ${dir}`)
      return new Recorder(options, dir, lock, known, {
        torn: torn.length,
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
  /** The feeds being recorded, by address. */
  get providers(): Record<string, ProviderState> {
    const states: Record<string, ProviderState> = {}
    for (const { address, from, entry, taken, lastRefresh, lastBlock } of this.#providers.values()) {
      // Of several epochs at a time (one is drained) the one that lives is shown.
      if ((states[address]?.last_refresh ?? -1) > lastRefresh) continue
      states[address] = {
        last_refresh: lastRefresh,
        sessid: from.epoch,
        last_block_received: lastBlock,
        seq: taken,
        recorded: entry.last,
      }
    }
    return states
  }

  /** Who carries acknowledgements; those made before are sent now. */
  attach(follower: Follower): void {
    this.#follower = follower
    for (const [entry, from] of this.#acks) follower.acknowledge(from, entry.last, this.id)
    this.#acks.clear()
  }

  wants(instance: string): boolean {
    return this.#options.wants?.(instance) ?? true
  }

  position(from: FeedEpoch, held: HeldEpoch): number {
    const known = this.#ledger.find(from)
    // An agent that has not heard of what is recorded would keep it for ever.
    if (known && held.acked < Math.min(known.last, held.last)) this.#acknowledge(from, known)
    if (known) return this.#providers.get(keyOf(from))?.taken ?? known.last
    // Of an epoch that began in another data directory the rows that are gone from the spool are there, not lost.
    const entry = this.#ledger.entry(from)
    entry.last = Math.min(held.acked, held.first - 1)
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
    const start = Math.max(first, provider.taken + 1)
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
    this.#providers.get(keyOf(from))?.seal()
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
    const key = keyOf(from)
    const known = this.#providers.get(key)
    if (known) return known
    const entry = this.#ledger.entry(from)
    const { root, frameLength, event } = this.#options
    const provider = new Provider(from, entry, {
      root,
      frameLength,
      maxLength: this.#maxLength,
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

  #acknowledge(from: FeedEpoch, entry: LedgerEntry): void {
    if (this.#follower) this.#follower.acknowledge(from, entry.last, this.id)
    else this.#acks.set(entry, from)
  }
}

function tornText(dir: string, { path, kept, bytes, reason }: Torn): string {
  return `${join(dir, path)} was torn (${reason}): ${bytes} bytes are kept in ${join(dir, kept)}`
}

function keyOf({ instance, feed, epoch }: FeedEpoch): string {
  return `${instance}/${feed}/${epoch}`
}
