import type { z } from 'zod'
import { messageOf } from '../core/errors.ts'
import { type Address, addressOf, type Channel } from '../core/topic.ts'
import type { BusOptions, Listener } from './bus.ts'

interface Entry {
  readonly channel: Channel
  readonly address: Readonly<Record<string, string | undefined>>
  readonly listener: (payload: unknown, address: never, how: { retained: boolean }) => void
}

/** The receiving half of every bus: finds who listens to a topic, checks the payload, hands it over. */
export class Mailbox {
  readonly #entries = new Set<Entry>()
  readonly #onBad: NonNullable<BusOptions['onBad']>

  constructor({ onBad = () => {} }: BusOptions) {
    this.#onBad = onBad
  }

  /** Registers a listener; the returned function takes it out again. */
  add<P extends string, S extends z.ZodType>(
    channel: Channel<P, S>,
    address: Partial<Address<P>>,
    listener: Listener<P, S>,
  ): () => void {
    const entry: Entry = { channel, address, listener: listener as unknown as Entry['listener'] }
    this.#entries.add(entry)
    return () => this.#entries.delete(entry)
  }

  /** Delivers one message; what does not fit or throws is reported and touches nobody else. */
  deliver(topic: string, text: string, retained: boolean): void {
    if (text === '') return
    const checked = new Map<Channel, unknown>()
    let json: unknown
    for (const { channel, address, listener } of [...this.#entries]) {
      const found = addressOf(channel, topic) as Record<string, string> | undefined
      if (
        !found ||
        Object.entries(address).some(([name, value]) => value !== undefined && found[name] !== value)
      ) {
        continue
      }
      try {
        json ??= JSON.parse(text)
        if (!checked.has(channel)) checked.set(channel, channel.payload.parse(json))
        listener(checked.get(channel), found as never, { retained })
      } catch (error) {
        this.#onBad(topic, messageOf(error))
      }
    }
  }
}
