import type { Database } from 'bun:sqlite'
import type { FeedDeclaration, HeldEpoch, Row } from '../../core/channels.ts'
import { counted } from '../../core/counted.ts'
import type { Counts } from '../../core/counter-help.ts'
import { diskAdvice } from '../../core/disk-fault.ts'
import { ConfigError, messageOf } from '../../core/errors.ts'
import { lockInstance } from '../../machine/lock-file.ts'
import { CommitMarks } from './commit-marks.ts'
import { OwnFile } from './own-file.ts'
import { Ring } from './ring.ts'
import { type Batch, type Done, isDamage, openOrReplace } from './spool-file.ts'
import { type Epoch, headOf, SpoolIndex } from './spool-index.ts'
import { type Waiting, WaitingRows, withWaiting } from './spool-waiting.ts'
import { SpoolWriter } from './spool-writer.ts'
import { type SpoolAnswer, type StoredRow, storedRow } from './stored-rows.ts'

/** Shortest time between commits, ms, so that fast feeds share commits. */
const COMMIT_MS = 25
/**
 * Milliseconds of retries on a failing disk before waiting rows are published; they go on waiting in memory.
 */
const HOLD_MS = 5000
/** Milliseconds between attempts on a failing disk. */
const RETRY_MS = 500
/** The most bytes of rows on disk; above that the oldest are deleted, recorded or not. */
const QUOTA = 1 << 30
/** Milliseconds between reports of rows deleted because of the quota. */
const REPORT_MS = 60_000
/** Milliseconds between rounds of deleting old rows, and the fewest rows that a round deletes. */
const PRUNE_MS = 1000
const PRUNE_ROWS = 400

interface Flight {
  readonly batch: Batch
  /** The last seq of each epoch after the commit. */
  readonly lasts: ReadonlyMap<Epoch, number>
}
/** Called with rows once they are durable, or once they have waited long while the disk refuses them. */
export type Committed = (feed: string, rows: readonly CommittedRow[]) => void
/** A row, and its JSON. */
export interface CommittedRow extends StoredRow {
  readonly row: Row
}

/**
 * An agent's samples on disk, until one hour after they are in a recorder's file: one SQLite file with one
 * owner. A thread commits rows in groups; a row exists once it is committed. While the disk refuses rows they
 * are held in memory and served from there, so a full disk alone loses nothing that a recorder can fetch. The
 * file is long because batches, retries and closing share the state of one write in progress.
 */
export class Spool {
  /** New with each new file, so that a recorder notices when one was lost. */
  readonly id: string
  readonly path: string
  readonly #lock: Database
  readonly #db: Database
  readonly #index: SpoolIndex
  readonly #recorded: boolean
  readonly #quota: number
  readonly #ring: Ring
  readonly #now: () => number
  readonly #writer: SpoolWriter
  readonly #waiting = new WaitingRows()
  #dirty = new Set<Epoch>()
  #flight: Flight | undefined
  #timer: Timer | undefined
  #immediate: ReturnType<typeof setImmediate> | undefined
  #sent = -Infinity
  #pruned = -Infinity
  #sincePrune = 0
  #failingSince: number | undefined
  #idle: (() => void)[] = []
  readonly #marks = new CommitMarks()
  #closed = false
  #closing: Promise<void> | undefined
  #reported = -Infinity
  #troubles: string[] = []
  #onCommitted: Committed = () => {}
  #onTrouble: (text: string) => void = (text) => this.#troubles.push(text)
  /** Samples that neither disk nor memory could hold before they were known to be recorded. */
  unspooled = 0
  /** Rows that were deleted because of the quota before they were recorded. */
  dropped = 0
  /** Acknowledgements that did not come from the trusted recorder. */
  refusedAcks = 0
  #failures = 0
  #setAside = 0
  readonly #file: OwnFile

  /**
   * Opens or creates the spool file and locks it for this process. A damaged file is set aside and a new one
   * begun; the listener is told.
   * @param recorded whether a recorder acknowledges rows; without one all rows are deleted after the ring's
   *   hour
   * @param quota bytes that rows may take on disk
   * @param now monotonic time in ms, by which rows are an hour old
   * @throws ConfigError when another process has it, it cannot be written, or a newer ocs wrote it
   */
  constructor(path: string, { recorded = true, quota = QUOTA, now = () => performance.now() } = {}) {
    this.path = path
    this.#recorded = recorded
    this.#quota = quota
    this.#ring = new Ring(now)
    this.#now = now
    this.#lock = lockInstance(path)
    try {
      const { db, broken } = openOrReplace(path)
      this.#db = db
      if (broken) {
        this.#setAside++
        this.#onTrouble(`the spool was damaged: it is kept as ${broken}, and a new one is begun`)
      }
      this.#index = new SpoolIndex(db)
    } catch (cause) {
      this.#lock.close()
      const advice = diskAdvice(cause, 'check the folder')
      throw new ConfigError(
        `${path}: ${messageOf(cause)}: ${advice}, or choose another folder with --state-dir`,
        {
          cause,
        },
      )
    }
    this.#file = new OwnFile(path)
    this.id = this.#index.spool
    this.#writer = new SpoolWriter(path, (done) => this.#answered(done))
  }

  /** Sets the listeners for committed rows, and for a disk that cannot be written. */
  listen(onCommitted: Committed, onTrouble: (text: string) => void): void {
    this.#onCommitted = onCommitted
    this.#onTrouble = onTrouble
    for (const text of this.#troubles.splice(0)) onTrouble(text)
  }

  /** Whether a recorder acknowledges rows. */
  get isRecorded(): boolean {
    return this.#recorded
  }

  /**
   * Queues one row; the first row of an epoch begins the epoch. It is committed soon, with all other waiting
   * rows.
   */
  append(feed: string, declaration: FeedDeclaration, row: Omit<Row, 'seq'>): void {
    const { epoch: name, ...content } = row
    const newest = this.#index.newest(feed)
    const epoch = newest?.epoch === name ? newest : this.#index.begin(feed, name, declaration)
    epoch.given++
    this.#marks.appended()
    const body = JSON.stringify(content)
    const many = this.#waiting.add({ epoch, row: { ...row, seq: epoch.given }, body, out: false })
    // A row that a recorder has by then need not become a gap later.
    if (many) this.#tell(this.#waiting.sendOn())
    if (this.#waiting.tooMany) this.#letGo()
    this.#schedule()
  }

  /** Its counters; `core/counter-help.ts` describes each. */
  get counters(): Counts {
    return {
      unspooled: this.unspooled,
      dropped: this.dropped,
      acks_refused: this.refusedAcks,
      spool_failures: this.#failures,
      spools_set_aside: this.#setAside,
    }
  }

  /** Rows that wait to be written, and whether the disk has refused them so far. */
  get waiting(): { readonly rows: number; readonly failing: boolean } {
    return { rows: this.#waiting.all.length, failing: this.#failingSince !== undefined }
  }

  /** Resolves once no row waits any more. */
  async flush(): Promise<void> {
    const idle = new Promise<void>((resolve) => this.#idle.push(resolve))
    this.#send()
    await idle
  }

  /** Resolves once all rows appended so far are on disk, or were dropped. */
  committed(): Promise<void> {
    return this.#marks.reached()
  }

  /** The epochs held of a feed, oldest first; for presence. */
  held(feed: string): HeldEpoch[] {
    return this.#index.held(feed)
  }
  feeds(): string[] {
    return this.#index.feeds()
  }
  /** Rows of a feed that are not known to be recorded. */
  unrecorded(feed: string): number {
    return this.#index.unrecorded(feed)
  }

  /** Rows of an epoch; see `SpoolIndex.read`. */
  read(feed: string, epoch: string, from: number, maxBytes: number, since?: number): SpoolAnswer | undefined {
    if (this.#closed) return undefined
    const answer = this.#index.read(feed, epoch, from, maxBytes, since)
    const found = this.#index.find(feed, epoch)
    return found ? withWaiting(answer, found, this.#waiting.all, maxBytes) : answer
  }

  /** The recorder has rows up to `seq` in a synced file. */
  acknowledge(feed: string, epoch: string, seq: number): void {
    const found = this.#index.find(feed, epoch)
    if (!found || seq <= found.acked) return
    found.acked = Math.min(seq, headOf(found))
    this.#dirty.add(found)
  }

  /** Deletes rows older than the ring's hour and stores acknowledgements; to be called now and then. */
  tidy(): void {
    this.#schedule()
  }

  /**
   * Commits waiting rows, for at most `patience` milliseconds, and releases the file. Rows left over are
   * published all the same.
   */
  close(patience = 1500): Promise<void> {
    this.#closing ??= this.#close(patience)
    return this.#closing
  }

  async #close(patience: number): Promise<void> {
    const late = Promise.withResolvers<void>()
    const timer = setTimeout(late.resolve, patience)
    await Promise.race([this.flush(), late.promise])
    if (this.#flight || !this.#waiting.idle) {
      this.#tell(this.#waiting.sendOn())
      const rows = this.#waiting.all.filter(({ epoch, row }) => row.seq > epoch.acked).length
      this.#onTrouble(`the spool could not be written to the end: ${counted(rows, 'row')} may be lost`)
    }
    this.#closed = true
    clearTimeout(this.#timer)
    // The thread releases the file before anyone may open it again.
    await this.#writer.close(late.promise)
    clearTimeout(timer)
    this.#db.close()
    this.#lock.close()
  }

  #schedule(): void {
    if (this.#flight || this.#timer || this.#immediate || this.#closed) return
    const wait = this.#sent + COMMIT_MS - performance.now()
    if (wait > 0) this.#timer = setTimeout(() => this.#send(), wait)
    // A timer of 0 ms takes 1 ms: rows of this turn of the event loop form one batch all the same.
    else this.#immediate = setImmediate(() => this.#send())
  }

  /** Sends the waiting rows as one batch; while a batch is being written, later rows wait for its answer. */
  #send(): void {
    // While a batch is being written, the timer is the one for its retry.
    if (this.#flight || this.#closed) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    clearImmediate(this.#immediate)
    this.#immediate = undefined
    const rows = this.#waiting.take()
    // Rows that were published and are not among these are lost: readers must see that.
    const lasts = new Map([...this.#dirty].map((epoch) => [epoch, headOf(epoch)]))
    for (const { epoch, row } of rows) lasts.set(epoch, Math.max(row.seq, headOf(epoch)))
    const batch: Batch = {
      begin: this.#index.takeBegun(),
      rows: rows.map(({ epoch, row, body }) => [epoch.id, row.seq, row.t[0] ?? 0, body]),
      touch: [...lasts].map(([{ id, acked }, last]) => [id, last, Math.min(acked, last)]),
      prune: this.#toPrune(),
      limit: Math.max(PRUNE_ROWS, 2 * this.#sincePrune, 2 * rows.length),
      quota: this.#quota,
    }
    if (batch.rows.length === 0 && batch.touch.length === 0 && batch.prune.length === 0) {
      this.#rest()
      return
    }
    this.#dirty.clear()
    this.#flight = { batch, lasts }
    this.#sent = performance.now()
    this.#writer.send(batch)
  }

  #toPrune(): Batch['prune'] {
    const now = this.#now()
    if (now - this.#pruned < PRUNE_MS) return []
    this.#pruned = now
    if (this.#file.wasDisplaced()) this.#displaced()
    return this.#index.prunable(
      this.#recorded,
      this.#ring.look(() => this.#index.given()),
    )
  }

  #displaced(): void {
    this.#failures++
    this.#onTrouble(
      `the spool ${this.path} has been moved or removed: unrecorded rows are lost when this agent stops. Let a recorder run until "ocs status" shows nothing to record, then restart the agent`,
    )
  }

  #answered(done: Done): void {
    const flight = this.#flight
    if (this.#closed || !flight) return
    if ('error' in done) {
      this.#failed(done.error)
      return
    }
    this.#flight = undefined
    if (this.#failingSince !== undefined) this.#onTrouble('the spool can be written again')
    this.#failingSince = undefined
    this.#sincePrune = flight.batch.prune.length > 0 ? 0 : this.#sincePrune + flight.batch.rows.length
    this.#index.forget(done)
    this.#count(done)
    for (const [epoch, last] of flight.lasts) epoch.last = Math.max(epoch.last, last)
    this.#tell(this.#waiting.committed())
    this.#marks.settled(flight.batch.rows.length)
    if (!this.#waiting.idle) this.#schedule()
    else this.#rest()
  }

  #count({ dropped }: Exclude<Done, { error: string }>): void {
    this.dropped += dropped
    if (dropped === 0 || performance.now() - this.#reported < REPORT_MS) return
    this.#reported = performance.now()
    const text = `the spool is full (${this.#quota >> 20} MiB): the oldest rows are dropped before they are recorded`
    this.#onTrouble(`${text}, ${this.dropped} so far: is the recorder running?`)
  }

  /** Retries the same batch; rows that have waited long are published meanwhile. */
  #failed(why: string): void {
    const now = performance.now()
    if (this.#failingSince === undefined) {
      this.#failures++
      const advice = isDamage(why) ? '; restart the agent to set it aside and begin a new one' : ''
      this.#onTrouble(`the spool cannot be written: ${why} (${this.path})${advice}`)
    }
    this.#failingSince ??= now
    if (now - this.#failingSince > HOLD_MS) this.#tell(this.#waiting.sendOn())
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      if (this.#flight && !this.#closed) this.#writer.send(this.#flight.batch)
    }, RETRY_MS)
  }

  /** More rows wait than memory should hold. */
  #letGo(): void {
    this.#tell(this.#waiting.sendOn())
    for (const { epoch, row } of this.#waiting.letGo()) {
      this.unspooled += row.t.length
      this.#dirty.add(epoch)
      this.#marks.settled(1)
    }
  }

  #tell(waiting: readonly Waiting[]): void {
    const byFeed = Map.groupBy(waiting, ({ epoch }) => epoch.feed)
    for (const [feed, rows] of byFeed)
      this.#onCommitted(
        feed,
        rows.map(({ epoch, row, body }) => ({ row, ...storedRow(epoch.epoch, row.seq, body) })),
      )
  }

  #rest(): void {
    for (const resolve of this.#idle.splice(0)) resolve()
  }
}
