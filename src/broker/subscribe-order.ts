import type { Readable } from 'node:stream'
import type { Client } from 'aedes'

/**
 * Answers a client's subscriptions one after the other, if the client waits for each SUBACK: retained
 * messages for one subscription are sent before the next is granted. So a SUBACK proves that those of all
 * earlier subscriptions have come, and nobody has to wait for silence. Aedes alone sends retained messages
 * one per turn of the event loop, or as its socket has room, interleaved with the answers to the client's
 * next requests.
 */
export class SubscribeOrder {
  /** The retained messages being sent to each client. */
  readonly #sending = new WeakMap<Client, Promise<void>>()
  /** The client whose subscription Aedes is about to answer. */
  #subscriber: Client | undefined

  /** A client's subscription was granted; its retained messages follow at once. */
  granted(client: Client): void {
    this.#subscriber = client
  }

  /** Follows the retained messages for the client whose subscription was just granted. */
  sends<T extends Readable>(stream: T): T {
    const client = this.#subscriber
    this.#subscriber = undefined
    if (client === undefined) return stream
    const sent = Promise.withResolvers<void>()
    const before = this.#sending.get(client)
    this.#sending.set(client, before !== undefined ? before.then(() => sent.promise) : sent.promise)
    const pipe = stream.pipe.bind(stream)
    stream.pipe = (to, options) => {
      to.once('finish', sent.resolve)
      return pipe(to, options)
    }
    return stream
  }

  /** Calls `next` once the client has been sent the retained messages of its earlier subscriptions. */
  after(client: Client, next: () => void): void {
    const sending = this.#sending.get(client)
    if (sending !== undefined) void sending.then(next)
    else next()
  }
}
