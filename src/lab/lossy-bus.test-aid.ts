import type { z } from 'zod'
import type { Bus, Listener, More } from '../bus/bus.ts'
import { channels } from '../core/channels.ts'
import type { Address, Channel } from '../core/topic.ts'

/** What becomes of messages on their way, each a chance from 0 to 1. */
export interface Loss {
  readonly drop: number
  readonly twice: number
  readonly late: number
}

/**
 * A bus whose live rows and replay answers get lost, come twice, or late and so out of order.
 * @param random numbers from 0 to 1
 * @param loss asked for each message, so that a test can end the trouble
 */
export function lossy(bus: Bus, random: () => number, loss: () => Loss): Bus {
  return {
    client: bus.client,
    get connected() {
      return bus.connected
    },
    publish: (to, address, payload) => bus.publish(to, address, payload),
    publishText: (to, address, text) => bus.publishText(to, address, text),
    clear: (to, address) => bus.clear(to, address),
    subscribe<P extends string, S extends z.ZodType>(
      to: Channel<P, S>,
      address: Partial<Address<P>>,
      listener: Listener<P, S>,
      more?: More<P, S>,
    ) {
      const names: readonly string[] = [channels.feed.pattern, channels.replayed.pattern]
      if (!names.includes(to.pattern)) return bus.subscribe(to, address, listener, more)
      return bus.subscribe(
        to,
        address,
        (payload, from, how) => {
          const { drop, twice, late } = loss()
          if (random() < drop) return
          for (let times = random() < twice ? 2 : 1; times > 0; times--) {
            if (random() < late) setTimeout(() => listener(payload, from, how), 10 * random())
            else listener(payload, from, how)
          }
        },
        more,
      )
    },
    onConnected: (listener) => bus.onConnected(listener),
    [Symbol.asyncDispose]: () => bus[Symbol.asyncDispose](),
  }
}
