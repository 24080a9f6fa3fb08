import type { Bus } from '../bus/bus.ts'
import { channels, type Replayed } from '../core/channels.ts'
import type { FeedEpoch } from '../core/feed-sink.ts'
import { mendReplayed } from './mend-replayed.ts'

/** Replays asked for at once; each answer is up to `MAX_BYTES`, so a busy reader never owes the hub more than 2 MiB. */
const IN_FLIGHT = 8
const MAX_BYTES = 262_144
/** Of an answer that cannot be read the next is asked for by this much less, down to a single row. */
const LESS = 16
/** Milliseconds an agent has to answer. */
export const ANSWER_MS = 5000

type Answer = Replayed | 'unreadable' | undefined
/** A question under way: only the instance asked may answer, and only of what was asked. */
interface Asked {
  readonly of: string
  readonly feed: string
  readonly epoch: string
  resolve(answer: Answer): void
}

/** Asks agents for rows of their spools. */
export interface Replays extends AsyncDisposable {
  /**
   * Rows of an epoch from seq `from` on, of the instance that holds them; a row that does not fit is left out by itself.
   * Undefined when no answer came in time; it never rejects.
   */
  ask(holder: string, of: FeedEpoch, from: number): Promise<Replayed | undefined>
  /** Waits for no answer of this agent any more: it has left the hub, and what it was asked with it. */
  left(instance: string): void
}

/** @param since unix time (s): rows from before it are not asked for */
export async function replays(bus: Bus, root: string, since: number | undefined): Promise<Replays> {
  const answers = new Map<string, Asked>()
  /** Bytes asked for of a feed of whose answers one could not be read, until one can again. */
  const sizes = new Map<string, number>()
  const waiting: (() => void)[] = []
  let inFlight = 0
  let closed = false

  const subscription = await bus.subscribe(
    channels.replayed,
    { root, client: bus.client },
    (answer, { id, instance }) => {
      const asked = answers.get(id)
      if (asked?.of !== instance || asked.feed !== answer.feed || asked.epoch !== answer.epoch) return
      asked.resolve(answer)
    },
    {
      mend(text, { id, instance }) {
        const asked = answers.get(id)
        const saved = asked?.of === instance ? mendReplayed(text) : undefined
        if (asked?.of === instance && !saved) asked.resolve('unreadable')
        return saved
      },
    },
  )
  const giveUp = (instance?: string) => {
    for (const { of, resolve } of answers.values())
      if (instance === undefined || of === instance) resolve(undefined)
  }
  // A question that was on its way when the connection broke, or its answer, is lost.
  const watch = bus.onConnected((connected) => {
    if (!connected) giveUp()
  })

  const enter = async () => {
    if (inFlight < IN_FLIGHT) inFlight++
    else await new Promise<void>((resolve) => waiting.push(resolve))
  }
  // Whoever waits takes the place over: nobody else can come in between.
  const leave = () => {
    const next = waiting.shift()
    if (next) next()
    else inFlight--
  }

  const exchange = async (
    holder: string,
    { feed, epoch }: FeedEpoch,
    from: number,
    max_bytes: number,
  ): Promise<Answer> => {
    await enter()
    // Random, so that no answer can be there before the question.
    const id = crypto.randomUUID()
    const { promise, resolve } = Promise.withResolvers<Answer>()
    const timer = setTimeout(() => resolve(undefined), ANSWER_MS)
    answers.set(id, { of: holder, feed, epoch, resolve })
    try {
      if (!bus.connected || closed) return undefined
      const request = { id, feed, epoch, from, max_bytes }
      // A hub that dies may never take the request: only the answer counts, and the time.
      bus
        .publish(
          channels.replay,
          { root, instance: holder, client: bus.client },
          since === undefined ? request : { ...request, since },
        )
        .catch(() => resolve(undefined))
      return await promise
    } finally {
      clearTimeout(timer)
      answers.delete(id)
      leave()
    }
  }

  return {
    async ask(holder, of, from) {
      const key = `${holder}/${of.feed}`
      for (;;) {
        const size = sizes.get(key) ?? MAX_BYTES
        const answer = await exchange(holder, of, from, size)
        if (answer !== 'unreadable') {
          const more = size * LESS
          if (answer && more < MAX_BYTES) sizes.set(key, more)
          else if (answer) sizes.delete(key)
          return answer
        }
        if (size > 1) sizes.set(key, Math.max(1, Math.floor(size / LESS)))
        else return unreadable(of, from)
      }
    },
    left: giveUp,
    async [Symbol.asyncDispose]() {
      closed = true
      watch[Symbol.dispose]()
      giveUp()
      await subscription[Symbol.asyncDispose]()
    },
  }
}

/** The answer for a single row that is no JSON. */
function unreadable({ feed, epoch }: FeedEpoch, seq: number): Replayed {
  const left_out = [{ seq, why: 'the answer is not JSON' }]
  return { feed, epoch, rows: [], next: seq + 1, head: seq, left_out }
}
