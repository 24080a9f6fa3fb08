import type { Bus } from '../bus/bus.ts'
import { channels, type FeedDeclaration, type Presence, type Replayed, type Row } from '../core/channels.ts'
import type { FeedEpoch, FeedSink, Follower, FollowOptions, FollowState } from '../core/feed-sink.ts'
import { ANSWER_MS, replays } from './replays.ts'

/** Milliseconds before a sink that could take no more, or an agent that did not answer, is tried again. */
const BUSY_MS = 500
/** Live rows kept while catching up; older ones are asked for anyway. */
const PENDING = 1000

interface Feed {
  /** Who holds the rows, and whose they are: another only of a spool that is drained. */
  readonly holder: string
  readonly instance: string
  readonly name: string
  spool: string
  /** Epochs the agent holds, oldest first, as its last beat said, and the last seq the sink has of each. */
  epochs: NonNullable<Presence['feeds']>[string]['epochs']
  readonly taken: Map<string, number | undefined>
  /** The epoch being read, the last seq taken of it, and its declaration once an answer brought it. */
  epoch: FeedEpoch | undefined
  last: number
  declaration: FeedDeclaration | undefined
  /** Whether live rows are taken; else they are left, and asked for. */
  live: boolean
  catching: boolean
  /** Not asked again before this monotonic time (ms): the sink was busy, or the agent did not answer. */
  notBefore: number
  /** The newest live rows that came while catching up: what follows an answer's head is here. */
  pending: Row[]
}

/**
 * Follows the recorded feeds of all agents on a bus: takes live rows while they come in seq order, and asks the agents'
 * spools for whatever a beat, a hole or a restart shows to be missing. A feed's rows reach the sink in order, once.
 * @param onBug hears of a sink that threw; its feed is tried again later
 */
export async function follow(
  bus: Bus,
  root: string,
  sink: FeedSink,
  { since }: FollowOptions = {},
  onBug: (error: unknown) => void = () => {},
): Promise<Follower> {
  const feeds = new Map<string, Feed>()
  const unwanted = new Set<string>()
  let duplicates = 0
  let holes = 0
  let unnumbered = 0
  let closed = false

  const onPresence = ({ state, feeds: held, drains }: Presence, { instance }: { instance: string }) => {
    if (state !== 'online') asking.left(instance)
    if (state !== 'online' || !held || closed) return
    // What is drained is as old as its agent is gone: for the recorder, not for who wants the latest.
    if (drains !== undefined && since !== undefined) return
    for (const [name, { spool, epochs }] of Object.entries(held)) {
      const feed = feedOf(instance, drains ?? instance, name)
      if (!feed) continue
      feed.spool = spool
      feed.epochs = epochs
      feed.taken.clear()
      // Asked for the epoch being read, too: the sink sees whether its acknowledgement arrived.
      for (const held of epochs) if (held.epoch === feed.epoch?.epoch) sink.position(feed.epoch, held)
      if (missing(feed)) void catchUp(feed)
      else if (!feed.catching) feed.live = true
    }
  }

  const feedOf = (holder: string, instance: string, name: string): Feed | undefined => {
    const key = `${holder}/${name}`
    if (unwanted.has(key)) return undefined
    const known = feeds.get(key)
    if (known) return known
    if (!sink.wants(instance, name)) {
      unwanted.add(key)
      return undefined
    }
    const feed: Feed = {
      holder,
      instance,
      name,
      spool: '',
      epochs: [],
      taken: new Map(),
      epoch: undefined,
      last: 0,
      declaration: undefined,
      live: false,
      catching: false,
      notBefore: 0,
      pending: [],
    }
    feeds.set(key, feed)
    return feed
  }

  const epochOf = ({ instance, name, spool }: Feed, epoch: string): FeedEpoch => ({
    instance,
    feed: name,
    epoch,
    spool,
  })

  /** The last seq had of a held epoch; the sink is asked once a beat. */
  const had = (feed: Feed, held: Feed['epochs'][number]): number | undefined => {
    if (held.epoch === feed.epoch?.epoch) return feed.last
    if (!feed.taken.has(held.epoch))
      feed.taken.set(held.epoch, sink.position(epochOf(feed, held.epoch), held))
    return feed.taken.get(held.epoch)
  }

  /** The oldest held epoch of which something is missing, with the last seq had of it. */
  const missing = (feed: Feed): { readonly epoch: FeedEpoch; readonly last: number } | undefined => {
    for (const held of feed.epochs) {
      // What the list leaves out comes first; it is listed once what stands before it is recorded.
      if (held.skipped !== undefined && since === undefined) return undefined
      const last = had(feed, held)
      if (last !== undefined && last < held.last) return { epoch: epochOf(feed, held.epoch), last }
    }
    return undefined
  }

  const onRow = (row: Row, address: { instance: string; feed: string }) => {
    const feed = closed ? undefined : feedOf(address.instance, address.instance, address.feed)
    // Which spool a row is of is told by presence, which comes with the first row of an epoch.
    if (!feed || feed.spool === '') return
    if (row.seq === undefined) {
      unnumbered++
      return
    }
    const known = feed.epoch?.epoch === row.epoch
    if (known && row.seq <= feed.last) {
      duplicates++
      return
    }
    const next = known && row.seq === feed.last + 1
    if (feed.live && next && take(feed, [row], true)) return
    // A hole, an epoch not met before, or a sink that is busy: what is missing is asked for.
    if (feed.live && known && !next) holes++
    feed.pending.push(row)
    if (feed.pending.length > PENDING) feed.pending.splice(0, PENDING / 2)
    const held = feed.epochs.find(({ epoch }) => epoch === row.epoch)
    if (held) setLast(feed, row.epoch, Math.max(held.last, row.seq))
    else feed.epochs = [...feed.epochs, { epoch: row.epoch, first: 1, last: row.seq, acked: 0 }]
    if (performance.now() >= feed.notBefore) void catchUp(feed)
  }

  const setLast = (feed: Feed, epoch: string, last: number) => {
    feed.epochs = feed.epochs.map((held) => (held.epoch === epoch ? { ...held, last } : held))
  }

  const take = (feed: Feed, rows: readonly Row[], isLive: boolean): boolean => {
    if (!feed.epoch || !feed.declaration) return false
    if (!sink.rows(feed.epoch, feed.declaration, rows, isLive)) return false
    feed.last = rows.at(-1)?.seq ?? feed.last
    return true
  }

  /** Asks for rows until a feed has all that its agent holds; one such run a feed at a time. */
  const catchUp = async (feed: Feed): Promise<void> => {
    if (feed.catching || closed) return
    feed.catching = true
    feed.live = false
    // The answer after this one is asked for before this one is taken.
    let ahead:
      | { readonly epoch: string; readonly from: number; readonly answer: Promise<Replayed | undefined> }
      | undefined
    try {
      for (let next = missing(feed); next && !closed; next = missing(feed)) {
        const { epoch, last } = next
        const asked = ahead?.epoch === epoch.epoch && ahead.from === last + 1 ? ahead.answer : undefined
        const answer = await (asked ?? asking.ask(feed.holder, epoch, last + 1))
        const more = answer && answer.next <= answer.head
        ahead = more
          ? { epoch: epoch.epoch, from: answer.next, answer: asking.ask(feed.holder, epoch, answer.next) }
          : undefined
        if (!step(feed, epoch, last, answer)) return
      }
      feed.live = true
      if (feed.holder !== feed.instance && feed.epoch) sink.ended?.(feed.epoch)
    } catch (error) {
      feed.notBefore = performance.now() + ANSWER_MS
      onBug(error)
    } finally {
      feed.catching = false
      feed.pending = []
    }
  }

  /** Takes what an answer brings. False: there was none, or the sink is busy; it is tried again. */
  const step = (feed: Feed, epoch: FeedEpoch, last: number, answer: Replayed | undefined): boolean => {
    if (!answer || closed) {
      feed.notBefore = performance.now() + BUSY_MS
      return false
    }
    const { rows, gap, next, head } = answer
    if (rows.length === 0 && !gap && next <= last + 1) {
      // It is not held any more, or less of it than was told: nothing to wait for.
      setLast(feed, epoch.epoch, last)
      return true
    }
    if (feed.epoch?.epoch !== epoch.epoch) begin(feed, epoch, last, answer)
    if (gap && gap.to > feed.last) {
      if (since === undefined) sink.gap(epoch, Math.max(gap.from, feed.last + 1), gap.to)
      feed.last = gap.to
    }
    const fresh = rows.filter(({ seq = 0 }) => seq > feed.last)
    if (fresh.length > 0) {
      feed.declaration = answer.declaration ?? feed.declaration
      if (!take(feed, fresh, false)) return busy(feed)
    }
    feed.last = Math.max(feed.last, next - 1)
    const told = feed.epochs.find((held) => held.epoch === epoch.epoch)?.last ?? 0
    setLast(feed, epoch.epoch, Math.max(told, head, feed.last))
    if (next > head) {
      // Rows committed since the answer was made came behind it on the same connection.
      for (const row of feed.pending) {
        if (row.epoch === epoch.epoch && row.seq === feed.last + 1 && !take(feed, [row], true))
          return busy(feed)
      }
    }
    return true
  }

  const busy = (feed: Feed): false => {
    feed.notBefore = performance.now() + BUSY_MS
    setTimeout(() => void catchUp(feed), BUSY_MS).unref()
    return false
  }

  const begin = (feed: Feed, epoch: FeedEpoch, last: number, { declaration, previous }: Replayed) => {
    if (feed.epoch) {
      feed.taken.set(feed.epoch.epoch, feed.last)
      sink.ended?.(feed.epoch)
    }
    const stillHeld = previous && feed.epochs.some((held) => held.epoch === previous.epoch)
    if (previous && !stillHeld && since === undefined) {
      const before: FeedEpoch = { ...epoch, epoch: previous.epoch }
      const had = sink.position(before, { epoch: previous.epoch, first: 1, last: previous.last, acked: 0 })
      if (had !== undefined && had > 0 && had < previous.last) sink.gap(before, had + 1, previous.last)
    }
    feed.epoch = epoch
    feed.last = last
    feed.declaration = declaration
  }

  const asking = await replays(bus, root, since)
  const rows = await bus.subscribe(channels.feed, { root }, onRow)
  const presence = await bus.subscribe(channels.presence, { root }, onPresence)

  return {
    get state(): FollowState {
      let behind = 0
      const list: Record<string, { epoch: string; last: number; live: boolean }> = {}
      for (const [key, feed] of feeds) {
        list[key] = { epoch: feed.epoch?.epoch ?? '', last: feed.last, live: feed.live }
        for (const held of feed.epochs) {
          const last = held.epoch === feed.epoch?.epoch ? feed.last : feed.taken.get(held.epoch)
          if (last !== undefined || !feed.live)
            behind += Math.max(0, held.last - Math.max(last ?? 0, held.first - 1))
        }
      }
      return { duplicates, holes, unnumbered, behind, feeds: list }
    },
    acknowledge({ instance, feed, epoch }, seq, dataDir) {
      if (!bus.connected) return
      const holders = new Set([instance])
      for (const { holder, ...of } of feeds.values()) {
        if (of.instance === instance && of.name === feed) holders.add(holder)
      }
      for (const holder of holders)
        void bus.publish(channels.ack, { root, instance: holder, feed }, { epoch, seq, data_dir: dataDir })
    },
    async [Symbol.asyncDispose]() {
      closed = true
      for (const each of [asking, presence, rows]) await each[Symbol.asyncDispose]()
    },
  }
}
