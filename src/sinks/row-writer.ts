import { backoff } from '../core/backoff.ts'
import type { FeedDeclaration, HeldEpoch, Row } from '../core/channels.ts'
import { TransportError } from '../core/errors.ts'
import type { FeedEpoch, FeedSink } from '../core/feed-sink.ts'
import { pause } from '../core/pause.ts'
import type { Database } from './database.ts'
import { type Protocol, pointsOf } from './line-protocol.ts'
import { Unsettled } from './unsettled.ts'
import { feedKey, type Written } from './written.ts'

/** Points per request, as in OCS's agents; and points in memory from which on no more are taken. */
const BATCH = 10_000
const MOST = 50_000
/** The limit for points that are written but may not be on the database's disk. */
const MOST_UNSETTLED = 200_000
/** Milliseconds between two requests, unless there is more than one can hold; and that a stop may take. */
const EVERY_MS = 1000
const CLOSE_MS = 1500
/** Milliseconds before a failed database is tried again: more with each time. */
const FIRST_MS = 1000
const LONGEST_MS = 30_000

/** Points, and an action for when the database has them. */
interface Waiting {
  readonly points: readonly string[]
  written(): void
}

/** Options of a writer. */
export interface WriterOptions {
  readonly root: string
  readonly database: Database
  readonly protocol: Protocol
  readonly written: Written
  wants(instance: string): boolean
  /** Called with points that the database will not accept. */
  refused(points: number, why: string): void
}

/**
 * Writes rows to a database, in order of arrival. While the database is away rows wait with their agents, and
 * beyond the agents' capacity in the archive: nothing here blocks anybody.
 */
export class RowWriter implements FeedSink {
  readonly counters = { points: 0, refused: 0 }
  /** The time of the last write, unix s; undefined before the first. */
  lastWritten: number | undefined
  readonly #options: WriterOptions
  #waiting: Waiting[] = []
  #points = 0
  readonly #unsettled = new Unsettled<Waiting>(({ points }) => points.length)
  /**
   * Whether points are on the database's disk when it answers; undefined if it has not been asked since it
   * failed.
   */
  #isSure: boolean | undefined
  #failed = 0
  #problem: string | undefined

  constructor(options: WriterOptions) {
    this.#options = options
  }

  /** What prevents points from being written; undefined if nothing does. */
  get problem(): string | undefined {
    return this.#problem
  }

  /** Number of points in memory. */
  get waiting(): number {
    return this.#points
  }

  /** Number of points that are written, but would be lost if the database ended now. */
  get unsettled(): number {
    return this.#unsettled.points
  }

  get isFull(): boolean {
    return this.#points >= MOST || this.#unsettled.points >= MOST_UNSETTLED
  }

  wants(instance: string): boolean {
    return this.#options.wants(instance)
  }

  position(from: FeedEpoch, held: HeldEpoch): number {
    return this.#options.written.position(from, held, now())
  }

  rows(from: FeedEpoch, declaration: FeedDeclaration, rows: readonly Row[]): boolean {
    if (this.isFull) return false
    const { root, protocol, written } = this.#options
    const origin = { root, instance: from.instance, feed: from.feed }
    for (const row of rows) {
      const { seq = 0, t } = row
      this.#push({
        points: pointsOf(origin, declaration, row, protocol),
        written: () => written.wrote(from, seq, t.at(-1) ?? 0),
      })
      written.took(from, seq)
    }
    return true
  }

  gap(from: FeedEpoch, _first: number, last: number, malformed?: string): void {
    const { written } = this.#options
    if (malformed === undefined) written.miss(feedKey(from), now())
    written.took(from, last)
  }

  ended(from: FeedEpoch, last: number | undefined): void {
    this.#options.written.ended(from, last, now())
  }

  /** Writes points from another source; resolves once the database has them, or the signal aborts. */
  async put(points: readonly string[], signal: AbortSignal): Promise<void> {
    while (this.isFull && !signal.aborted) await pause(EVERY_MS, signal)
    if (signal.aborted) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#push({ points, written: resolve })
    signal.addEventListener('abort', () => resolve(), { once: true })
    await promise
  }

  /** Writes arriving rows until the signal aborts, and then, for a moment, the remaining ones. */
  async run(signal: AbortSignal): Promise<void> {
    const late = new AbortController()
    signal.addEventListener('abort', () => setTimeout(() => late.abort(), CLOSE_MS), { once: true })
    while (!signal.aborted || (this.#waiting.length > 0 && !late.signal.aborted)) {
      try {
        await this.#settle(late.signal)
        const batch = this.#next()
        if (batch.length > 0) await this.#write(batch, late.signal)
      } catch (error) {
        if (!(error instanceof TransportError)) throw error
        this.#isSure = undefined
        this.#problem = error.message
        if (signal.aborted) return
        await pause(backoff(this.#failed++, FIRST_MS, LONGEST_MS), signal)
        continue
      }
      if (this.#points < BATCH) await pause(EVERY_MS, signal)
    }
  }

  async #write(batch: readonly Waiting[], signal: AbortSignal): Promise<void> {
    const { database, refused } = this.#options
    const points = batch.flatMap((each) => each.points)
    const left = points.length > 0 ? await database.write(points, signal) : undefined
    this.#waiting = this.#waiting.slice(batch.length)
    this.#points -= points.length
    if (this.#isSure) this.#settled(batch)
    else this.#unsettled.add(batch, performance.now())
    this.counters.points += points.length - (left?.points ?? 0)
    this.lastWritten = now()
    this.#failed = 0
    this.#problem = undefined
    if (!left) return
    this.counters.refused += left.points
    refused(left.points, left.why)
  }

  /**
   * Determines which points are on the database's disk by now; those it may have lost by ending will be
   * written again.
   */
  async #settle(signal: AbortSignal): Promise<void> {
    const now = performance.now()
    if (this.#isSure || (this.#isSure === false && !this.#unsettled.isDue(now))) return
    const life = await this.#options.database.life(signal)
    this.#isSure = life === undefined
    const { settled, gone } = this.#unsettled.seen(life ?? '', now)
    this.#settled(settled)
    this.#waiting.unshift(...gone)
    this.#points += pointsIn(gone)
  }

  #settled(batch: readonly Waiting[]): void {
    if (batch.length === 0) return
    for (const each of batch) each.written()
    this.#options.written.save()
  }

  /** The content of one request: whole rows, at least one. */
  #next(): Waiting[] {
    let [count, points] = [0, 0]
    for (const each of this.#waiting) {
      if (count > 0 && points + each.points.length > BATCH) break
      points += each.points.length
      count++
    }
    return this.#waiting.slice(0, count)
  }

  #push(waiting: Waiting): void {
    this.#waiting.push(waiting)
    this.#points += waiting.points.length
  }
}

function pointsIn(list: readonly Waiting[]): number {
  return list.reduce((sum, { points }) => sum + points.length, 0)
}

function now(): number {
  return Date.now() / 1000
}
