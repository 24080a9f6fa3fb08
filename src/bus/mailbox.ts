import type { z } from 'zod'
import { schemaFault } from '../core/schema-fault.ts'
import { type Address, addressOf, type Channel } from '../core/topic.ts'
import { parseBounded } from '../core/wire.ts'
import type { BusOptions, Listener, More } from './bus.ts'

interface Entry {
  readonly channel: Channel
  /** The required values in an address, by name. */
  readonly given: readonly (readonly [name: string, value: string])[]
  readonly listener: (payload: unknown, address: never, how: { retained: boolean }) => void
  readonly more: {
    wanted?(address: never): boolean
    mend?(text: string, address: never): unknown
    cleared?(address: never): void
  }
}

/** A listener of a topic, and the topic's address on its channel. */
interface Match {
  readonly entry: Entry
  readonly address: never
}

/** The most topics whose listeners are remembered: those of replies are all different. */
const TOPICS = 1000

/** The receiving side of every bus: finds the listeners of a topic, checks the payload, passes it on. */
export class Mailbox {
  readonly #entries = new Set<Entry>()
  /** The listeners of topics heard so far: a lab says much under few topics. Forgotten when listeners change. */
  readonly #matches = new Map<string, readonly Match[]>()
  readonly #onBad: NonNullable<BusOptions['onBad']>

  constructor({ onBad = () => {} }: BusOptions) {
    this.#onBad = onBad
  }

  /** Registers a listener; the returned function removes it. */
  add<P extends string, S extends z.ZodType>(
    channel: Channel<P, S>,
    address: Partial<Address<P>>,
    listener: Listener<P, S>,
    more: More<P, S> = {},
  ): () => void {
    const entry: Entry = {
      channel,
      given: Object.entries<string | undefined>(address).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, value] as const],
      ),
      listener: listener as unknown as Entry['listener'],
      more: more as Entry['more'],
    }
    this.#entries.add(entry)
    this.#matches.clear()
    return () => {
      this.#entries.delete(entry)
      this.#matches.clear()
    }
  }

  /**
   * Delivers one message. A payload that does not fit or a listener that throws is reported and does not
   * affect others.
   */
  deliver(topic: string, text: string, retained: boolean): void {
    const checked = new Map<Channel, unknown>()
    let json: unknown
    const read = (channel: Channel) => {
      json ??= parseBounded(text)
      if (!checked.has(channel)) checked.set(channel, channel.payload.parse(json))
      return checked.get(channel)
    }
    for (const { entry, address } of this.#matching(topic)) {
      const { channel, listener, more } = entry
      if (more.wanted?.(address) === false) continue
      try {
        if (text === '') {
          more.cleared?.(address)
          continue
        }
        listener(
          mended(
            () => read(channel),
            () => more.mend?.(text, address),
          ),
          address,
          { retained },
        )
      } catch (error) {
        this.#onBad(topic, schemaFault(error))
      }
    }
  }

  #matching(topic: string): readonly Match[] {
    const known = this.#matches.get(topic)
    if (known) return known
    const found = [...this.#entries].flatMap((entry) => {
      const address = addressOf(entry.channel, topic) as Readonly<Record<string, string>> | undefined
      const isMeant = address && entry.given.every(([name, value]) => address[name] === value)
      return isMeant ? [{ entry, address: address as never }] : []
    })
    if (this.#matches.size >= TOPICS) this.#matches.clear()
    this.#matches.set(topic, found)
    return found
  }
}

/** The result of `read`, or if that fails, what `mend` recovers. */
function mended(read: () => unknown, mend: () => unknown): unknown {
  try {
    return read()
  } catch (error) {
    const saved = mend()
    if (saved === undefined) throw error
    return saved
  }
}
