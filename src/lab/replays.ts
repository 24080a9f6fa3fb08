import type { Bus } from '../bus/bus.ts'
import { channels, type Replayed } from '../core/channels.ts'
import type { FeedEpoch } from '../core/feed-sink.ts'

/** Replays asked for at once; each answer is up to `MAX_BYTES`, so a busy reader never owes the hub more than 2 MiB. */
const IN_FLIGHT = 8
const MAX_BYTES = 262_144
/** Milliseconds an agent has to answer. */
export const ANSWER_MS = 5000

/** Asks agents for rows of their spools. */
export interface Replays extends AsyncDisposable {
  /** Rows of an epoch from seq `from` on, of the instance that holds them. Undefined when no answer came in time; it never rejects. */
  ask(holder: string, of: FeedEpoch, from: number): Promise<Replayed | undefined>
  /** Waits for no answer of this agent any more: it has left the hub, and what it was asked with it. */
  left(instance: string): void
}

/** @param since unix time (s): rows from before it are not asked for */
export async function replays(bus: Bus, root: string, since: number | undefined): Promise<Replays> {
  const answers = new Map<string, { of: string; resolve(answer: Replayed | undefined): void }>()
  const waiting: (() => void)[] = []
  let inFlight = 0
  let counter = 0
  let closed = false

  const subscription = await bus.subscribe(
    channels.replayed,
    { root, client: bus.client },
    (answer, { id }) => answers.get(id)?.resolve(answer),
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

  return {
    async ask(holder, { feed, epoch }, from) {
      await enter()
      const id = `r${++counter}`
      const { promise, resolve } = Promise.withResolvers<Replayed | undefined>()
      const timer = setTimeout(() => resolve(undefined), ANSWER_MS)
      answers.set(id, { of: holder, resolve })
      try {
        if (!bus.connected || closed) return undefined
        const request = { id, feed, epoch, from, max_bytes: MAX_BYTES }
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
