import { z } from 'zod'
import type { HeldEpoch } from '../core/channels.ts'
import type { FeedEpoch } from '../core/feed-sink.ts'
import type { Memory } from '../core/lab.ts'

/** Times between which a feed may lack rows that its agent no longer holds, unix s. */
export interface Missed {
  readonly from: number
  readonly to: number
}

const Place = z.object({
  feeds: z
    .record(
      z.string(),
      z.object({
        /** The time of the newest sample, unix s. */
        time: z.number(),
        /** The last row by epoch, oldest epoch first. */
        epochs: z.record(z.string(), z.int().min(0)),
      }),
    )
    .default({}),
  missed: z.record(z.string(), z.object({ from: z.number(), to: z.number() })).default({}),
})
type Place = z.output<typeof Place>

/** Maximum number of epochs of a feed that are remembered: agents hold fewer. */
const EPOCHS = 100
/**
 * Seconds for which spools surely hold recorded rows; less than the real value, so that clocks need not
 * agree.
 */
const HELD_S = 3000
/** Seconds by which rows of a feed may be out of time order: blocks that are collected come late. */
const SLACK_S = 600

/** The key of a feed in a sink. */
export function feedKey({ instance, feed }: Pick<FeedEpoch, 'instance' | 'feed'>): string {
  return `${instance}/${feed}`
}

/** How far each feed is written, on disk: where a killed sink continues. */
export class Written {
  readonly #memory: Memory
  readonly #place: Place
  /**
   * Last rows taken and possibly not written yet, by feed and epoch; and feeds that had rows before this
   * process.
   */
  readonly #taken = new Map<string, number>()

  /**
   * @param now unix s: rows written longer ago than spools hold them may have been followed by missed ones
   */
  constructor(memory: Memory, now: number) {
    this.#memory = memory
    this.#place = Place.safeParse(memory.load()).data ?? { feeds: {}, missed: {} }
    for (const [key, { time }] of Object.entries(this.#place.feeds))
      if (now - time > HELD_S) this.miss(key, now)
  }

  /** The last row taken of an epoch; for a new epoch, the one before the first row that is held. */
  position(from: FeedEpoch, { first }: Pick<HeldEpoch, 'first'>, now: number): number {
    const had = this.#had(from)
    if (had !== undefined) return had
    if (first > 1) this.miss(feedKey(from), now)
    this.took(from, first - 1)
    return first - 1
  }

  /** Notes that rows up to `seq` are in memory. */
  took(from: FeedEpoch, seq: number): void {
    this.#taken.set(`${feedKey(from)}/${from.epoch}`, seq)
  }

  /** Notes that an epoch has ended, with row `last` as far as known. */
  ended(from: FeedEpoch, last: number | undefined, now: number): void {
    if (last === undefined || (this.#had(from) ?? 0) < last) this.miss(feedKey(from), now)
  }

  /**
   * Notes that rows of a feed are gone from its spool. For a feed that was never written nothing was missed.
   */
  miss(key: string, now: number): void {
    const time = this.#place.feeds[key]?.time
    const known = this.#place.missed[key]
    if (time === undefined && !known) return
    const from = Math.min(known?.from ?? Infinity, (time ?? Infinity) - SLACK_S)
    this.#place.missed[key] = { from, to: Math.max(known?.to ?? 0, now) }
  }

  /** Notes that rows up to `seq` are in the database, the newest sample at `time`; `save` stores it. */
  wrote(from: FeedEpoch, seq: number, time: number): void {
    const key = feedKey(from)
    const feed = this.#place.feeds[key] ?? { time, epochs: {} }
    this.#place.feeds[key] = feed
    feed.time = Math.max(feed.time, time)
    if (!(from.epoch in feed.epochs)) {
      const [oldest = '', ...others] = Object.keys(feed.epochs)
      if (others.length >= EPOCHS) delete feed.epochs[oldest]
    }
    feed.epochs[from.epoch] = seq
  }

  /** The possibly missing times, by feed. */
  get missed(): readonly (readonly [key: string, Missed])[] {
    return Object.entries(this.#place.missed)
  }

  /** Notes that the missed rows of a feed are in the database up to a time. */
  filled(key: string, to: number): void {
    const known = this.#place.missed[key]
    if (!known) return
    if (to >= known.to) delete this.#place.missed[key]
    else known.from = to
    this.save()
  }

  /** Stores it on disk. */
  save(): void {
    this.#memory.save(this.#place)
  }

  #had(from: FeedEpoch): number | undefined {
    const key = feedKey(from)
    return this.#taken.get(`${key}/${from.epoch}`) ?? this.#place.feeds[key]?.epochs[from.epoch]
  }
}
