import type { HeldEpoch, Replayed } from '../core/channels.ts'
import type { FeedEpoch, FeedSink } from '../core/feed-sink.ts'

/** The epochs of one feed: which rows of each its agent holds, how many of them the sink has, which is being read. */
export class FeedEpochs {
  /** Whose rows they are, and the name of the feed. */
  readonly instance: string
  readonly feed: string
  readonly #sink: FeedSink
  /** Whether all that is held is wanted, and not only the latest. */
  readonly #all: boolean
  /** The spool that holds the epochs; empty until presence tells. */
  #spool = ''
  /** What the agent holds, oldest first, as its last beat said, and the last seq the sink has of each. */
  #held: readonly HeldEpoch[] = []
  readonly #taken = new Map<string, number | undefined>()
  /** The epoch being read. */
  #current: FeedEpoch | undefined
  /** The last seq taken of the epoch being read. */
  last = 0

  constructor(instance: string, feed: string, sink: FeedSink, all: boolean) {
    this.instance = instance
    this.feed = feed
    this.#sink = sink
    this.#all = all
  }

  get spool(): string {
    return this.#spool
  }

  get current(): FeedEpoch | undefined {
    return this.#current
  }

  /** Takes what a beat says that the agent holds. */
  hold(spool: string, held: readonly HeldEpoch[]): void {
    this.#spool = spool
    this.#held = held
    this.#taken.clear()
    const current = this.#current
    if (!current) return
    // Asked for the epoch being read, too: the sink sees whether its acknowledgement arrived.
    for (const each of held) if (each.epoch === current.epoch) this.#sink.position(current, each)
  }

  /** The oldest held epoch of which something is missing, with the last seq had of it. */
  missing(): { readonly epoch: FeedEpoch; readonly last: number } | undefined {
    for (const held of this.#held) {
      // What the list leaves out comes first; it is listed once what stands before it is recorded.
      if (held.skipped !== undefined && this.#all) return undefined
      const last = this.#had(held)
      if (last !== undefined && last < held.last) return { epoch: this.#name(held.epoch), last }
    }
    return undefined
  }

  /** The last seq held of an epoch, as far as is known; 0 for one that is not held. */
  head(epoch: string): number {
    return this.#held.find((held) => held.epoch === epoch)?.last ?? 0
  }

  /** Sets the last seq held of an epoch. */
  setHead(epoch: string, last: number): void {
    this.#held = this.#held.map((held) => (held.epoch === epoch ? { ...held, last } : held))
  }

  /** A row up to which an epoch is held, whether or not a beat has named the epoch. */
  raise(epoch: string, seq: number): void {
    const held = this.#held.find((each) => each.epoch === epoch)
    if (held) this.setHead(epoch, Math.max(held.last, seq))
    else this.#held = [...this.#held, { epoch, first: 1, last: seq, acked: 0 }]
  }

  /** Turns to another epoch, of which the sink has the rows up to `last`. */
  begin(epoch: FeedEpoch, last: number, previous: Replayed['previous']): void {
    const current = this.#current
    if (current) {
      this.#taken.set(current.epoch, this.last)
      if (current.epoch !== previous?.epoch) this.#sink.ended?.(current, undefined)
    }
    if (previous && this.#all) {
      const before = { ...epoch, epoch: previous.epoch }
      this.#reportLost(before, previous.last)
      this.#sink.ended?.(before, previous.last)
    }
    this.#current = epoch
    this.last = last
  }

  /** How many rows are still to fetch. */
  behind(live: boolean): number {
    let behind = 0
    for (const held of this.#held) {
      const last = held.epoch === this.#current?.epoch ? this.last : this.#taken.get(held.epoch)
      if (last !== undefined || !live) behind += Math.max(0, held.last - Math.max(last ?? 0, held.first - 1))
    }
    return behind
  }

  /** The last seq had of a held epoch; the sink is asked once a beat. */
  #had(held: HeldEpoch): number | undefined {
    if (held.epoch === this.#current?.epoch) return this.last
    if (!this.#taken.has(held.epoch))
      this.#taken.set(held.epoch, this.#sink.position(this.#name(held.epoch), held))
    return this.#taken.get(held.epoch)
  }

  /** The end of the epoch before is a gap when the sink has its beginning and the agent does not hold it any more. */
  #reportLost(before: FeedEpoch, last: number): void {
    if (this.#held.some((held) => held.epoch === before.epoch)) return
    const had = this.#sink.position(before, { epoch: before.epoch, first: 1, last, acked: 0 })
    if (had !== undefined && had > 0 && had < last) this.#sink.gap(before, had + 1, last)
  }

  #name(epoch: string): FeedEpoch {
    return { instance: this.instance, feed: this.feed, epoch, spool: this.#spool }
  }
}
