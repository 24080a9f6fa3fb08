import type { Bus } from '../bus/bus.ts'
import { channels, type Presence, type Row } from '../core/channels.ts'
import type { FeedEpoch, FeedSink, Follower, FollowOptions, FollowState } from '../core/feed-sink.ts'
import { drainsFor } from '../core/names.ts'
import { ackText, processKey, type RecorderKey } from '../core/recording/recorder-key.ts'
import { FeedReader, type Reading } from './feed-reader.ts'
import { replays } from './replays.ts'

/**
 * Follows the recorded feeds of all agents on a bus: takes live rows while they come in seq order, and asks the agents'
 * spools for whatever a beat, a hole or a restart shows to be missing. A feed's rows reach the sink in order, once.
 * @param onBug hears of a sink that threw; its feed is tried again later
 * @param key what acknowledgements are signed with; while there is none nothing is acknowledged
 */
export async function follow(
  bus: Bus,
  root: string,
  sink: FeedSink,
  { since, of }: FollowOptions = {},
  onBug: (error: unknown) => void = () => {},
  key: () => RecorderKey | undefined = processKey,
): Promise<Follower> {
  const asking = await replays(bus, root, since)
  const readers = new FeedReaders({ sink, replays: asking, all: since === undefined, onBug })
  const open: AsyncDisposable[] = [asking]
  for (const each of of ?? [{}]) {
    open.push(
      await bus.subscribe(channels.feed, { root, ...each }, (row, { instance, feed }) =>
        readers.receive(row, instance, feed),
      ),
    )
  }
  const named = of && [...new Set(of.map(({ instance }) => instance))].map((instance) => ({ instance }))
  for (const each of named ?? [{}]) {
    open.push(
      await bus.subscribe(channels.presence, { root, ...each }, (beat, { instance }) => {
        if (beat.state !== 'online') asking.left(instance)
        else if (beat.feeds) readers.hold(beat.feeds, instance, instance)
      }),
    )
  }
  // What is drained is as old as its agent is gone: for the recorder, not for who wants the latest.
  if (since === undefined) {
    open.push(
      await bus.subscribe(channels.drains, { root }, ({ feeds }, { instance, of: whose }) => {
        if (drainsFor(instance, whose)) readers.hold(feeds, instance, whose)
      }),
    )
  }
  let isMute = false
  return {
    get state() {
      return { ...readers.state, isMute }
    },
    acknowledge(from, seq, dataDir) {
      if (!bus.connected) return
      const signer = key()
      isMute = signer === undefined
      if (!signer) return
      const { feed, epoch } = from
      for (const instance of readers.holders(from)) {
        const to = { root, instance, feed }
        const acked = { epoch, seq, data_dir: dataDir }
        const signature = signer.sign(ackText({ to, ...acked }))
        void bus.publish(channels.ack, to, { ...acked, key: signer.id, signature })
      }
    },
    async [Symbol.asyncDispose]() {
      readers.close()
      for (const each of open) await each[Symbol.asyncDispose]()
    },
  }
}

/** A reader for each feed that is wanted, by who holds its rows. */
class FeedReaders {
  readonly #reading: Reading
  readonly #readers = new Map<string, FeedReader>()
  #closed = false

  constructor(reading: Reading) {
    this.#reading = reading
  }

  /** Takes what a beat says that `holder` holds of the rows of `instance`. */
  hold(feeds: NonNullable<Presence['feeds']>, holder: string, instance: string): void {
    if (this.#closed) return
    for (const [feed, { spool, epochs }] of Object.entries(feeds))
      this.#reader(holder, instance, feed)?.hold(spool, epochs)
  }

  receive(row: Row, instance: string, feed: string): void {
    if (!this.#closed) this.#reader(instance, instance, feed)?.receive(row)
  }

  /** Who holds rows of a feed: its agent, and who drains a spool of it. */
  holders({ instance, feed }: FeedEpoch): ReadonlySet<string> {
    const holders = new Set([instance])
    for (const { holder, epochs } of this.#readers.values()) {
      if (epochs.instance === instance && epochs.feed === feed) holders.add(holder)
    }
    return holders
  }

  get state(): Omit<FollowState, 'isMute'> {
    const sum = { duplicates: 0, holes: 0, unnumbered: 0, malformed: 0, behind: 0 }
    const feeds: Record<string, FollowState['feeds'][string]> = {}
    for (const [key, reader] of this.#readers) {
      const { epochs, live } = reader
      feeds[key] = { epoch: epochs.current?.epoch ?? '', last: epochs.last, live }
      sum.duplicates += reader.duplicates
      sum.holes += reader.holes
      sum.unnumbered += reader.unnumbered
      sum.malformed += reader.malformed
      sum.behind += epochs.behind(live)
    }
    return { ...sum, feeds }
  }

  close(): void {
    this.#closed = true
    for (const reader of this.#readers.values()) reader.close()
  }

  /** Undefined when the sink does not want the feed. */
  #reader(holder: string, instance: string, feed: string): FeedReader | undefined {
    const key = holder === instance ? `${instance}/${feed}` : `${holder}/${instance}/${feed}`
    const known = this.#readers.get(key)
    if (known) return known
    if (!this.#reading.sink.wants(instance, feed)) return undefined
    const reader = new FeedReader(holder, instance, feed, this.#reading)
    this.#readers.set(key, reader)
    return reader
  }
}
