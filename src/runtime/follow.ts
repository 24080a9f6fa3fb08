import type { Bus } from '../bus/bus.ts'
import { channels, type FeedDeclaration, type Presence, type Replayed, type Row } from '../core/channels.ts'
import type { FeedEpoch, FeedSink, Follower, FollowOptions, FollowState } from '../core/follow.ts'

/** Replays asked for at once; each answer is up to `MAX_BYTES`, so a busy reader never owes the hub more than 2 MiB. */
const IN_FLIGHT = 8
const MAX_BYTES = 262_144
/** Milliseconds an agent has to answer a replay before it is asked again at its next beat. */
const ANSWER_MS = 5000
/** Milliseconds before a sink that could take no more, or an agent that did not answer, is tried again. */
const BUSY_MS = 500

interface Feed {
  readonly instance: string
  readonly name: string
  spool: string
  /** Epochs the agent holds, oldest first, as its last beat said. */
  epochs: NonNullable<Presence['feeds']>[string]['epochs']
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

/** Live rows kept while catching up; older ones are asked for anyway. */
const PENDING = 1000

/**
 * Follows the recorded feeds of all agents on a bus: takes live rows while they come in seq order, and asks the agents'
 * spools for whatever a beat, a hole or a restart shows to be missing. A feed's rows reach the sink in order, once.
 */
export async function follow(
  bus: Bus,
  root: string,
  sink: FeedSink,
  { since }: FollowOptions = {},
): Promise<Follower> {
  const feeds = new Map<string, Feed>()
  const unwanted = new Set<string>()
  const answers = new Map<string, (answer: Replayed | undefined) => void>()
  const waiting: (() => void)[] = []
  let inFlight = 0
  let counter = 0
  let duplicates = 0
  let holes = 0
  let closed = false

  const onPresence = ({ state, feeds: held }: Presence, { instance }: { instance: string }) => {
    if (state !== 'online' || !held) return
    for (const [name, { spool, epochs }] of Object.entries(held)) {
      const feed = feedOf(instance, name)
      if (!feed) continue
      feed.spool = spool
      feed.epochs = epochs
      // Asked for the epoch being read, too: the sink sees whether its acknowledgement arrived.
      for (const held of epochs) if (held.epoch === feed.epoch?.epoch) sink.position(feed.epoch, held)
      if (missing(feed)) void catchUp(feed)
      else feed.live = true
    }
  }

  const feedOf = (instance: string, name: string): Feed | undefined => {
    const key = `${instance}/${name}`
    if (unwanted.has(key)) return undefined
    const known = feeds.get(key)
    if (known) return known
    if (!sink.wants(instance, name)) {
      unwanted.add(key)
      return undefined
    }
    const feed: Feed = {
      instance,
      name,
      spool: '',
      epochs: [],
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

  /** The oldest held epoch of which something is missing, with the last seq had of it. */
  const missing = (feed: Feed): { readonly epoch: FeedEpoch; readonly last: number } | undefined => {
    for (const held of feed.epochs) {
      const epoch = { instance: feed.instance, feed: feed.name, epoch: held.epoch, spool: feed.spool }
      const last = held.epoch === feed.epoch?.epoch ? feed.last : sink.position(epoch, held)
      if (last !== undefined && last < held.last) return { epoch, last }
    }
    return undefined
  }

  const onRow = (row: Row, address: { instance: string; feed: string }) => {
    const feed = feedOf(address.instance, address.feed)
    // Which spool a row is of is told by presence, which comes with the first row of an epoch.
    if (!feed || feed.spool === '' || row.seq === undefined) return
    const known = feed.epoch?.epoch === row.epoch
    if (known && row.seq <= feed.last) {
      duplicates++
      return
    }
    if (feed.live && known && row.seq === feed.last + 1 && take(feed, [row])) return
    // A hole, an epoch not met before, or a sink that is busy: what is missing is asked for.
    if (feed.live && known) holes++
    feed.pending.push(row)
    if (feed.pending.length > PENDING) feed.pending.splice(0, PENDING / 2)
    const held = feed.epochs.find(({ epoch }) => epoch === row.epoch)
    if (!held) feed.epochs = [...feed.epochs, { epoch: row.epoch, first: 1, last: row.seq, acked: 0 }]
    else grow(feed, row.epoch, row.seq)
    if (performance.now() >= feed.notBefore) void catchUp(feed)
  }

  const grow = (feed: Feed, epoch: string, last: number) => {
    feed.epochs = feed.epochs.map((held) =>
      held.epoch === epoch ? { ...held, last: Math.max(held.last, last) } : held,
    )
  }

  const take = (feed: Feed, rows: readonly Row[]): boolean => {
    if (!feed.epoch || !feed.declaration) return false
    if (!sink.rows(feed.epoch, feed.declaration, rows)) return false
    feed.last = rows.at(-1)?.seq ?? feed.last
    return true
  }

  /** Asks for rows until a feed has all that its agent holds; one such run a feed at a time. */
  const catchUp = async (feed: Feed): Promise<void> => {
    if (feed.catching) return
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
        const answer = await (asked ?? ask(feed, epoch, last + 1))
        const more = answer && answer.next <= answer.head
        ahead = more
          ? { epoch: epoch.epoch, from: answer.next, answer: ask(feed, epoch, answer.next) }
          : undefined
        if (!step(feed, epoch, last, answer)) return
      }
      feed.live = true
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
    if (feed.epoch?.epoch !== epoch.epoch) begin(feed, epoch, last, answer)
    if (answer.gap && since === undefined) sink.gap(epoch, answer.gap.from, answer.gap.to)
    if (answer.rows.length > 0) {
      feed.declaration = answer.declaration ?? feed.declaration
      if (!take(feed, answer.rows)) return busy(feed)
    }
    feed.last = Math.max(feed.last, answer.next - 1)
    grow(feed, epoch.epoch, Math.max(answer.head, answer.next - 1))
    if (answer.next > answer.head) {
      // Rows committed since the answer was made came behind it on the same connection.
      for (const row of feed.pending) {
        if (row.epoch === epoch.epoch && row.seq === feed.last + 1 && !take(feed, [row])) return busy(feed)
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

  const ask = async (feed: Feed, epoch: FeedEpoch, from: number): Promise<Replayed | undefined> => {
    if (inFlight >= IN_FLIGHT) await new Promise<void>((resolve) => waiting.push(resolve))
    inFlight++
    const id = `r${++counter}`
    const { promise, resolve } = Promise.withResolvers<Replayed | undefined>()
    const timer = setTimeout(() => resolve(undefined), ANSWER_MS)
    answers.set(id, resolve)
    try {
      const address = { root, instance: feed.instance, client: bus.client }
      const request = { id, feed: feed.name, epoch: epoch.epoch, from, max_bytes: MAX_BYTES }
      if (!bus.connected) return undefined
      await bus.publish(channels.replay, address, since === undefined ? request : { ...request, since })
      return await promise
    } finally {
      clearTimeout(timer)
      answers.delete(id)
      inFlight--
      waiting.shift()?.()
    }
  }

  const replies = await bus.subscribe(channels.replayed, { root, client: bus.client }, (answer, { id }) =>
    answers.get(id)?.(answer),
  )
  const rows = await bus.subscribe(channels.feed, { root }, onRow)
  const presence = await bus.subscribe(channels.presence, { root }, onPresence)

  return {
    get state(): FollowState {
      let behind = 0
      const list: Record<string, { epoch: string; last: number; live: boolean }> = {}
      for (const [key, feed] of feeds) {
        list[key] = { epoch: feed.epoch?.epoch ?? '', last: feed.last, live: feed.live }
        for (const held of feed.epochs) {
          const now = held.epoch === feed.epoch?.epoch
          if (now || !feed.live)
            behind += Math.max(0, held.last - Math.max(now ? feed.last : held.first - 1, 0))
        }
      }
      return { duplicates, holes, behind, feeds: list }
    },
    acknowledge({ instance, feed, epoch }, seq, dataDir) {
      if (!bus.connected) return
      void bus.publish(channels.ack, { root, instance, feed }, { epoch, seq, data_dir: dataDir })
    },
    async [Symbol.asyncDispose]() {
      closed = true
      for (const resolve of answers.values()) resolve(undefined)
      for (const resume of waiting) resume()
      for (const subscription of [presence, rows, replies]) await subscription[Symbol.asyncDispose]()
    },
  }
}
