import type { Client, PublishPacket } from 'aedes'
import { channels } from '../core/channels.ts'
import { addressOf } from '../core/topic.ts'
import { objectIn } from './object-in.ts'

/**
 * Since when clients announce data nodes under the names they do, by the hub's clock: of two that live and go by one name
 * the first has it, whatever they say of their age. Who leaves, or takes another name, begins anew.
 */
export class NameStamps {
  #newest = 0
  readonly #names = new WeakMap<Client, { readonly name: unknown; readonly since: number }>()

  /** What an agent announces, with the hub's word on its node in place of the agent's own; other messages as they are. */
  stamped(client: Client, { topic, payload }: Pick<PublishPacket, 'topic' | 'payload'>): string | Buffer {
    if (addressOf(channels.api, topic) === undefined) return payload
    const api = objectIn(payload)
    const node = api?.['node']
    if (typeof node !== 'object' || node === null) {
      this.#names.delete(client)
      return payload
    }
    const { name } = node as { readonly name?: unknown }
    const before = this.#names.get(client)
    const held = before && before.name === name ? before : { name, since: this.#next() }
    this.#names.set(client, held)
    return Buffer.from(JSON.stringify({ ...api, node: { ...node, named: held.since } }))
  }

  /** Unix s, later than each before it, though the clock be set back: who comes later is later. */
  #next(): number {
    this.#newest = Math.max(Date.now(), this.#newest + 1)
    return this.#newest / 1000
  }
}
