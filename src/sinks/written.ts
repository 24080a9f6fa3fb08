import { z } from 'zod'
import type { HeldEpoch } from '../core/channels.ts'
import type { FeedEpoch } from '../core/feed-sink.ts'
import type { Memory } from '../core/lab.ts'

/** Times between which a feed may lack what its agent does not hold any more, unix s. */
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

/** Epochs of a feed that are remembered: agents hold fewer. */
const EPOCHS = 100
/** Seconds that spools hold at least what is recorded; less, so that clocks need not agree. */
const HELD_S = 3000
/** Seconds by which rows of a feed may come out of the order of their times: blocks that are gathered come late. */
const SLACK_S = 600

/** What a feed goes by in a sink. */
export function feedKey({ instance, feed }: Pick<FeedEpoch, 'instance' | 'feed'>): string {
  return `${instance}/${feed}`
}

/** How far each feed is written, on disk: what a sink that was killed goes on from. */
export class Written {
  readonly #memory: Memory
  readonly #place: Place
  /** Rows taken and perhaps not written yet, by feed and epoch; and feeds that had rows before this process. */
  readonly #taken = new Map<string, number>()

  /** @param now unix s: what was written longer ago than spools hold may have been missed */
  constructor(memory: Memory, now: number) {
    this.#memory = memory
    this.#place = Place.safeParse(memory.load()).data ?? { feeds: {}, missed: {} }
    for (const [key, { time }] of Object.entries(this.#place.feeds))
      if (now - time > HELD_S) this.miss(key, now)
  }

  /** The last row had of an epoch; of one not met before that before the first that is held. */
  position(from: FeedEpoch, { first }: Pick<HeldEpoch, 'first'>, now: number): number {
    const had = this.#had(from)
    if (had !== undefined) return had
    if (first > 1) this.miss(feedKey(from), now)
    this.took(from, first - 1)
    return first - 1
  }

  /** Rows up to `seq` are in hand. */
  took(from: FeedEpoch, seq: number): void {
    this.#taken.set(`${feedKey(from)}/${from.epoch}`, seq)
  }

  /** An epoch has ended, with row `last` as far as anybody knows. */
  ended(from: FeedEpoch, last: number | undefined, now: number): void {
    if (last === undefined || (this.#had(from) ?? 0) < last) this.miss(feedKey(from), now)
  }

  /** Rows of a feed are gone from its spool. Nothing was missed of one that was never written. */
  miss(key: string, now: number): void {
    const time = this.#place.feeds[key]?.time
    const known = this.#place.missed[key]
    if (time === undefined && !known) return
    const from = Math.min(known?.from ?? Infinity, (time ?? Infinity) - SLACK_S)
    this.#place.missed[key] = { from, to: Math.max(known?.to ?? 0, now) }
  }

  /** Rows up to `seq` are in the database, the newest sample at `time`; kept by `save`. */
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

  /** What may be missing, by feed. */
  get missed(): readonly (readonly [key: string, Missed])[] {
    return Object.entries(this.#place.missed)
  }

  /** What was missed of a feed is in the database up to a time. */
  filled(key: string, to: number): void {
    const known = this.#place.missed[key]
    if (!known) return
    if (to >= known.to) delete this.#place.missed[key]
    else known.from = to
    this.save()
  }

  /** Keeps it on disk. */
  save(): void {
    this.#memory.save(this.#place)
  }

  #had(from: FeedEpoch): number | undefined {
    const key = feedKey(from)
    return this.#taken.get(`${key}/${from.epoch}`) ?? this.#place.feeds[key]?.epochs[from.epoch]
  }
}
