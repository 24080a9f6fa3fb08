import type { MqttClient } from 'mqtt'
import type { z } from 'zod'
import { channels } from '../core/channels.ts'
import { TransportError } from '../core/errors.ts'
import { type Address, type Channel, topic } from '../core/topic.ts'
import type { BusOptions, Listener, More } from './bus.ts'
import { awaitGoodbye } from './goodbye.ts'
import { Mailbox } from './mailbox.ts'
import type { MqttStatus } from './mqtt-status.ts'

/** What a client listens to: each filter is asked for by every listener, and given up with the last. */
export class MqttSubscriptions {
  readonly #client: MqttClient
  readonly #status: MqttStatus
  readonly #options: BusOptions
  readonly #mailbox: Mailbox
  /** Listeners by filter. */
  readonly #listeners = new Map<string, number>()

  /** @param refused hears of each message of this client that the hub does not pass on, with the topic and why */
  constructor(
    client: MqttClient,
    status: MqttStatus,
    options: BusOptions,
    refused: (topic: string, why: string) => void,
  ) {
    this.#client = client
    this.#status = status
    this.#options = options
    const mailbox = new Mailbox(options)
    this.#mailbox = mailbox
    // Comes without being asked for.
    mailbox.add(channels.refused, {}, ({ topic: name, why }) => refused(name, why))
    client.on('message', (name, payload, packet) => mailbox.deliver(name, payload.toString(), packet.retain))
  }

  /** As `Bus.subscribe` promises. */
  async add<P extends string, S extends z.ZodType>(
    to: Channel<P, S>,
    address: Partial<Address<P>>,
    listener: Listener<P, S>,
    more?: More<P, S>,
  ): Promise<AsyncDisposable> {
    const filter = topic(to, address)
    const remove = this.#mailbox.add(to, address, listener, more)
    this.#listeners.set(filter, (this.#listeners.get(filter) ?? 0) + 1)
    const drop = () => {
      remove()
      return this.#drop(filter)
    }
    // What is retained is told again and again, and no connection outlives its hub: to acknowledge each would wake that for nothing.
    await this.#request(filter, to.retain ? 0 : to.qos, drop)
    let removed = false
    return {
      [Symbol.asyncDispose]: async () => {
        if (removed) return
        removed = true
        if (drop() > 0) return
        await this.#giveUp(filter)
      },
    }
  }

  async #request(filter: string, qos: 0 | 1, drop: () => void): Promise<void> {
    const client = this.#client
    // "resubscribe" is mqtt.js' own word for asking again: who comes second gets what is retained, too.
    const granted = client.subscribeAsync({ [filter]: { qos }, resubscribe: true } as never)
    // Away from the hub, or when it dies meanwhile, mqtt.js asks when it is back; nobody waits for that.
    const refused = (error: Error) => {
      if (!this.#status.connected || client.disconnecting) return
      drop()
      throw new TransportError(`the hub does not deliver ${filter}: ${error.message}`, { cause: error })
    }
    if (this.#status.connected) await granted.catch(refused)
    else
      granted.catch((error: Error) => this.#status.connected && this.#options.onBad?.(filter, error.message))
  }

  /** One listener less; answers how many are left. */
  #drop(filter: string): number {
    const left = (this.#listeners.get(filter) ?? 1) - 1
    if (left > 0) this.#listeners.set(filter, left)
    else this.#listeners.delete(filter)
    return left
  }

  async #giveUp(filter: string): Promise<void> {
    const client = this.#client
    if (client.disconnecting) return
    const done = client.unsubscribeAsync(filter).catch(() => {})
    // Away from the hub the answer would be long in coming.
    if (this.#status.connected) await awaitGoodbye(done)
  }
}
