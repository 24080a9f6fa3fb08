import type { FeedDeclaration, HeldEpoch, Row } from '../../core/channels.ts'
import type { FeedEpoch, FeedSink, Follower } from '../../core/feed-sink.ts'
import { Acknowledgements } from './acknowledgements.ts'
import { type Begun, beginRecording, MAX_TIME_PER_FILE, type RecorderOptions } from './begin-recording.ts'
import { disk as realDisk } from './disk.ts'
import type { FieldLog } from './field-log.ts'
import { FrameWriter } from './frame-writer.ts'
import type { Sealed } from './g3-files.ts'
import type { Ledger, LedgerEntry } from './ledger.ts'
import { type ProviderState, Providers } from './providers.ts'
import { countersOf, type RecorderCounters } from './remembered.ts'
import type { Displaced } from './whereabouts.ts'

/** Bytes of rows in memory at which all frames close, and at which no more are taken. */
const MANY_BYTES = 32 << 20
const MOST_BYTES = 64 << 20
/** Milliseconds that closing may take. */
const CLOSE_MS = 1800

/**
 * Records feeds in the `.g3` files of a data directory: rows become frames; a frame is synced, and then
 * acknowledged. A failing disk is tried again every second; meanwhile rows wait in memory, and after that
 * with their agents.
 */
export class Recorder implements FeedSink, AsyncDisposable {
  readonly dir: string
  /** Whether the directory had no recordings before. */
  readonly isNew: boolean
  readonly counters: RecorderCounters
  readonly #options: RecorderOptions
  readonly #lock: Disposable
  readonly #ledger: Ledger
  readonly #writer: FrameWriter
  readonly #providers: Providers
  readonly #acks: Acknowledgements
  readonly #fields: FieldLog
  #bytes = 0
  #currentFile: string | undefined
  #stopping = false
  readonly #displaced = Promise.withResolvers<Displaced>()

  private constructor(options: RecorderOptions, begun: Begun) {
    const { root, log, event, disk = realDisk, timePerFile = MAX_TIME_PER_FILE } = options
    const { dir, lock, ledger, whereabouts, list, holes, isNew } = begun
    this.dir = dir
    this.isNew = isNew
    this.#options = options
    this.#lock = lock
    this.#ledger = ledger
    this.#fields = begun.fields
    const { remembered = {} } = options
    this.counters = countersOf(remembered)
    this.counters.torn_tails += begun.torn
    const opened = (path: string) => {
      this.#currentFile = path
      log(`new file: ${path}`)
    }
    const openStarts = () => this.#providers.starts()
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
    this.#acks = new Acknowledgements(ledger.dataDir)
    this.#providers = new Providers(ledger, holes, {
      root,
      frameLength: options.frameLength,
      // A file's name is a whole second, so its first frame may span a second less than the file.
      maxLength: timePerFile - 1,
      begun: (from, entry, start) => this.#writer.begin(from, entry, start),
      sealed: (sealed) => this.#writer.push(sealed),
      took: (bytes) => {
        this.#bytes += bytes
      },
      quarantined: () => {
        counters.quarantined++
      },
      clockBack: () => {
        counters.clock_back++
      },
      renamed: () => {
        counters.renamed++
      },
      event,
    })
  }

  /** Begins to record in a data directory. Throws what `beginRecording` does. */
  static async open(options: RecorderOptions): Promise<Recorder> {
    return new Recorder(options, await beginRecording(options))
  }

  /** The data directory's UUID. */
  get id(): string {
    return this.#ledger.dataDir
  }
  /** The newest file's path; undefined before there is one. */
  get currentFile(): string | undefined {
    return this.#currentFile
  }
  /** What prevents frames from being written, if anything. */
  get problem(): string | undefined {
    return this.#writer.problem
  }
  /**
   * Resolves when a file being written has been moved or removed: nothing more is taken or acknowledged, and
   * another recorder has to begin where this one ends.
   */
  get displaced(): Promise<Displaced> {
    return this.#displaced.promise
  }
  /** The feeds being recorded, by address. */
  get providers(): Record<string, ProviderState> {
    return this.#providers.states()
  }

  /** Sets the follower that carries acknowledgements; those made before are sent now. */
  attach(follower: Follower): void {
    this.#acks.attach(follower)
  }

  wants(instance: string): boolean {
    return this.#options.wants?.(instance) ?? true
  }

  position(from: FeedEpoch, held: HeldEpoch): number {
    const known = this.#ledger.find(from)
    // An agent that does not know that its rows are recorded would keep them for ever.
    if (known && held.acked < Math.min(known.last, held.last)) void this.#acknowledgeIfThere(from, known)
    if (known) return this.#providers.position(from, known)
    // If an epoch began in another data directory, the rows missing from the spool are there, not lost.
    const entry = this.#ledger.entry(from)
    entry.last = Math.min(held.acked, held.first - 1)
    if (entry.last > 0) entry.begin = entry.last
    return entry.last
  }

  rows(from: FeedEpoch, declaration: FeedDeclaration, rows: readonly Row[]): boolean {
    if (this.#stopping || this.#bytes > MOST_BYTES) return false
    const provider = this.#providers.of(from)
    const seq = rows[0]?.seq ?? 0
    if (seq > provider.taken + 1) {
      // Taking them would imply that the rows between are recorded; the spool still has all of them.
      const text = `row ${seq} came after row ${provider.taken}: not taken`
      provider.complain('hole', text, text)
      return false
    }
    this.#fields.take(provider.address, declaration, rows[0]?.t[0] ?? 0)
    for (const row of rows) {
      if (row.seq === provider.taken + 1) provider.take(declaration, row)
      else this.counters.duplicates++
    }
    if (this.#bytes > MANY_BYTES) this.#providers.seal()
    return true
  }

  gap(from: FeedEpoch, first: number, last: number, malformed?: string): void {
    const provider = this.#providers.of(from)
    // Rows of files that are gone are not known to be lost.
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

  ended(from: FeedEpoch, last: number | undefined): void {
    const provider = this.#providers.find(from)
    provider?.seal()
    const entry = this.#ledger.find(from)
    // A spool that knows fewer rows than existed is an older copy, so it does not know the end.
    if (entry && last !== undefined && last >= Math.max(entry.last, provider?.taken ?? 0))
      entry.end_row = last
  }

  /** Closes all frames; resolves once they are synced and acknowledged. */
  async flush(): Promise<void> {
    this.#providers.seal()
    await this.#writer.flush()
  }

  /** Writes, syncs and acknowledges what is waiting, for at most `patience` ms, and unlocks the directory. */
  async [Symbol.asyncDispose](patience = CLOSE_MS): Promise<void> {
    const late = Promise.withResolvers<void>()
    const timer = setTimeout(late.resolve, patience)
    const written = this.flush()
    this.#stopping = true
    await Promise.race([written, late.promise])
    await this.#writer.close(late.promise)
    await Promise.race([this.#fields.flush(), late.promise])
    clearTimeout(timer)
    this.#lock[Symbol.dispose]()
  }

  #giveUp(error: Displaced): void {
    this.#stopping = true
    this.counters.displaced++
    const again = 'restarting; unrecorded rows are fetched again from the agents'
    this.#options.event('error', 'displaced', `${error.message}: ${again}`)
    this.#displaced.resolve(error)
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
    for (const [entry, from] of latest) this.#acks.send(from, entry)
  }

  /** Acknowledges rows that were written long ago, if their agent does not know it. */
  async #acknowledgeIfThere(from: FeedEpoch, entry: LedgerEntry): Promise<void> {
    try {
      await this.#writer.check()
      if (!this.#stopping) this.#acks.send(from, entry)
    } catch {
      // The next write reports the problem; until it is solved nothing is acknowledged.
    }
  }
}
