import type { Readable } from 'node:stream'
import type { Client } from 'aedes'

/**
 * Answers subscriptions one after the other, of a client that waits for each SUBACK: what is retained for one is sent
 * before the next is granted. So a SUBACK says that all of earlier subscriptions has come, and nobody need wait for quiet.
 * Aedes by itself sends what is retained a message a turn of the event loop, or as its socket has room, beside whatever the
 * client asks next.
 */
export class SubscribeOrder {
  /** What is being sent to a client. */
  readonly #sending = new WeakMap<Client, Promise<void>>()
  /** Whose subscription Aedes is about to answer. */
  #subscriber: Client | undefined

  /** A client's subscription was granted; what is retained for it follows at once. */
  granted(client: Client): void {
    this.#subscriber = client
  }

  /** What is retained for the client whose subscription was granted just now. */
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

  /** Goes on once the client has been sent what is retained for its earlier subscriptions. */
  after(client: Client, next: () => void): void {
    const sending = this.#sending.get(client)
    if (sending !== undefined) void sending.then(next)
    else next()
  }
}
