import { backoff } from '../core/backoff.ts'
import type { FeedDeclaration, HeldEpoch, Row } from '../core/channels.ts'
import { TransportError } from '../core/errors.ts'
import type { FeedEpoch, FeedSink } from '../core/feed-sink.ts'
import { pause } from '../core/pause.ts'
import type { Database } from './database.ts'
import { type Protocol, pointsOf } from './line-protocol.ts'
import { Unsettled } from './unsettled.ts'
import { feedKey, type Written } from './written.ts'

/** Points of one request, as OCS's agents have it, and points in memory from which on no more are taken. */
const BATCH = 10_000
const MOST = 50_000
/** The same of points that are written and may not be on the database's disk. */
const MOST_UNSETTLED = 200_000
/** Milliseconds between two requests, unless there is more than one can hold; and that a stop may take. */
const EVERY_MS = 1000
const CLOSE_MS = 1500
/** Milliseconds after which a database that failed is tried again: more with each time. */
const FIRST_MS = 1000
const LONGEST_MS = 30_000

/** Points, and what is done once the database has them. */
interface Waiting {
  readonly points: readonly string[]
  written(): void
}

/** What a writer needs to know. */
export interface WriterOptions {
  readonly root: string
  readonly database: Database
  readonly protocol: Protocol
  readonly written: Written
  wants(instance: string): boolean
  /** Hears of points that the database will not have. */
  refused(points: number, why: string): void
}

/**
 * Puts rows into a database, in the order in which they come. While it is away rows wait with their agents, and beyond what
 * these hold in the archive: nothing here holds anybody up.
 */
export class RowWriter implements FeedSink {
  readonly counters = { points: 0, refused: 0 }
  /** Unix s of the last write; undefined before there was one. */
  lastWritten: number | undefined
  readonly #options: WriterOptions
  #waiting: Waiting[] = []
  #points = 0
  readonly #unsettled = new Unsettled<Waiting>(({ points }) => points.length)
  /** Whether the database has on disk what it answers for; undefined where it has not been asked since it failed. */
  #isSure: boolean | undefined
  #failed = 0
  #problem: string | undefined

  constructor(options: WriterOptions) {
    this.#options = options
  }

  /** What keeps points from being written; undefined while nothing does. */
  get problem(): string | undefined {
    return this.#problem
  }

  /** Points that are in hand. */
  get waiting(): number {
    return this.#points
  }

  /** Points that are written, and that an end of the database may take yet. */
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

  /** Writes points of other origin; resolves once the database has them, or the signal aborts. */
  async put(points: readonly string[], signal: AbortSignal): Promise<void> {
    while (this.isFull && !signal.aborted) await pause(EVERY_MS, signal)
    if (signal.aborted) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#push({ points, written: resolve })
    signal.addEventListener('abort', () => resolve(), { once: true })
    await promise
  }

  /** Writes what comes until the signal aborts, and then, for a moment, what is left. */
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

  /** Sees what the database has on disk by now; what it may have lost by ending is to be written again. */
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

  /** What one request takes: whole rows, one at least. */
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
