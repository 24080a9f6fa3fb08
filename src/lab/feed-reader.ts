import type { FeedDeclaration, HeldEpoch, Replayed, Row } from '../core/channels.ts'
import type { FeedEpoch, FeedSink } from '../core/feed-sink.ts'
import { FeedEpochs } from './feed-epochs.ts'
import { runsOf } from './replayed-rows.ts'
import { ANSWER_MS, type Replays } from './replays.ts'

/** Milliseconds before a sink that could take no more, or an agent that did not answer, is tried again. */
const BUSY_MS = 500
/** Live rows kept while catching up; older ones are asked for anyway. */
const PENDING = 1000

/** What all readers of a follower have in common. */
export interface Reading {
  readonly sink: FeedSink
  readonly replays: Replays
  /** Whether all that the spools hold is wanted, and not only the latest. */
  readonly all: boolean
  onBug(error: unknown): void
}

/** Reads one recorded feed: live rows while they come in seq order, else by asking the spool of who holds them. */
export class FeedReader {
  /** Who holds the rows: another than whose they are only of a spool that is drained. */
  readonly holder: string
  readonly epochs: FeedEpochs
  /** What `FollowState` counts. */
  duplicates = 0
  holes = 0
  unnumbered = 0
  malformed = 0
  readonly #reading: Reading
  readonly #sink: FeedSink
  /** Of the epoch being read, once an answer brought it. */
  #declaration: FeedDeclaration | undefined
  /** Whether live rows are taken; else they are left, and asked for. */
  #live = false
  #catching = false
  #closed = false
  /** Not asked again before this monotonic time (ms): the sink was busy, or the agent did not answer. */
  #notBefore = 0
  /** The newest live rows that came while catching up: what follows an answer's head is here. */
  #pending: Row[] = []

  constructor(holder: string, instance: string, feed: string, reading: Reading) {
    this.holder = holder
    this.#reading = reading
    this.#sink = reading.sink
    this.epochs = new FeedEpochs(instance, feed, reading.sink, reading.all)
  }

  get live(): boolean {
    return this.#live
  }

  /** Takes what a beat says that the spool holds. */
  hold(spool: string, held: readonly HeldEpoch[]): void {
    this.epochs.hold(spool, held)
    if (this.epochs.missing()) void this.#catchUp()
    else if (!this.#catching) this.#live = true
  }

  /** Takes a live row when it is the next one, or sees to it that it is asked for. */
  receive(row: Row): void {
    const { epochs } = this
    // Which spool a row is of is told by presence, which comes with the first row of an epoch.
    if (epochs.spool === '') return
    if (row.seq === undefined) {
      this.unnumbered++
      return
    }
    const known = epochs.current?.epoch === row.epoch
    if (known && row.seq <= epochs.last) {
      this.duplicates++
      return
    }
    const next = known && row.seq === epochs.last + 1
    if (this.#live && next && this.#take([row], true)) return
    // A hole, an epoch not met before, or a sink that is busy: what is missing is asked for.
    if (this.#live && known && !next) this.holes++
    this.#pending.push(row)
    if (this.#pending.length > PENDING) this.#pending.splice(0, PENDING / 2)
    epochs.raise(row.epoch, row.seq)
    if (performance.now() >= this.#notBefore) void this.#catchUp()
  }

  /** Takes nothing more. */
  close(): void {
    this.#closed = true
  }

  #take(rows: readonly Row[], isLive: boolean): boolean {
    const { current } = this.epochs
    if (!current || !this.#declaration) return false
    if (!this.#sink.rows(current, this.#declaration, rows, isLive)) return false
    this.epochs.last = rows.at(-1)?.seq ?? this.epochs.last
    return true
  }

  /** Asks for rows until the sink has all that is held; one such run at a time. */
  async #catchUp(): Promise<void> {
    if (this.#catching || this.#closed) return
    this.#catching = true
    this.#live = false
    try {
      if (!(await this.#fetch())) return
      this.#live = true
      const { current, instance } = this.epochs
      if (this.holder !== instance && current) this.#sink.ended?.(current, this.epochs.head(current.epoch))
    } catch (error) {
      this.#notBefore = performance.now() + ANSWER_MS
      this.#reading.onBug(error)
    } finally {
      this.#catching = false
      this.#pending = []
    }
  }

  /** False: an answer did not come, or could not be taken. */
  async #fetch(): Promise<boolean> {
    const { replays } = this.#reading
    // The answer after this one is asked for before this one is taken.
    let ahead:
      | { readonly epoch: string; readonly from: number; readonly answer: Promise<Replayed | undefined> }
      | undefined
    for (let next = this.epochs.missing(); next && !this.#closed; next = this.epochs.missing()) {
      if (this.#sink.isFull) return this.#retryLater()
      const { epoch, last } = next
      const asked = ahead?.epoch === epoch.epoch && ahead.from === last + 1 ? ahead.answer : undefined
      const answer = await (asked ?? replays.ask(this.holder, epoch, last + 1))
      const more = answer && answer.next <= answer.head
      ahead = more
        ? { epoch: epoch.epoch, from: answer.next, answer: replays.ask(this.holder, epoch, answer.next) }
        : undefined
      if (!answer || this.#closed) {
        this.#notBefore = performance.now() + BUSY_MS
        return false
      }
      if (!this.#takeAnswer(epoch, last, answer)) return this.#retryLater()
    }
    return true
  }

  /** Takes what an answer brings. False: the sink is busy. */
  #takeAnswer(epoch: FeedEpoch, last: number, answer: Replayed): boolean {
    const { epochs } = this
    const { rows, gap, left_out, next, head } = answer
    if (rows.length === 0 && !gap && !left_out && next <= last + 1) {
      // It is not held any more, or less of it than was told: nothing to wait for.
      epochs.setHead(epoch.epoch, last)
      return true
    }
    if (epochs.current?.epoch !== epoch.epoch) {
      epochs.begin(epoch, last, answer.previous)
      this.#declaration = answer.declaration
    }
    if (rows.length > 0) this.#declaration = answer.declaration ?? this.#declaration
    for (const run of runsOf(answer, epochs.last)) {
      if ('rows' in run) {
        if (!this.#take(run.rows, false)) return false
        continue
      }
      if (run.why !== undefined) this.malformed++
      if (this.#reading.all) this.#sink.gap(epoch, run.first, run.last, run.why)
      epochs.last = run.last
    }
    epochs.setHead(epoch.epoch, Math.max(epochs.head(epoch.epoch), head, epochs.last))
    return next <= head || this.#takePending(epoch.epoch)
  }

  /** Rows committed since the last answer was made came behind it on the same connection. False: the sink is busy. */
  #takePending(epoch: string): boolean {
    return this.#pending.every(
      (row) => row.epoch !== epoch || row.seq !== this.epochs.last + 1 || this.#take([row], true),
    )
  }

  #retryLater(): false {
    this.#notBefore = performance.now() + BUSY_MS
    setTimeout(() => void this.#catchUp(), BUSY_MS).unref()
    return false
  }
}
