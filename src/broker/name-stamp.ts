import type { Client, PublishPacket } from 'aedes'
import { channels } from '../core/channels.ts'
import { addressOf } from '../core/topic.ts'
import { objectIn } from './object-in.ts'

/**
 * Since when each client has announced its data node under the present name, by the hub's clock: of two live
 * nodes with one name the first has it, whatever ages they claim. A client that leaves or changes its name
 * starts again.
 */
export class NameStamps {
  #newest = 0
  readonly #names = new WeakMap<Client, { readonly name: unknown; readonly since: number }>()

  /**
   * An agent's announcement with the hub's time for its node in place of the agent's own; other messages
   * unchanged.
   */
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

  /**
   * Unix s, greater than all earlier values even if the clock is set back, so that the order of arrival is
   * kept.
   */
  #next(): number {
    this.#newest = Math.max(Date.now(), this.#newest + 1)
    return this.#newest / 1000
  }
}
