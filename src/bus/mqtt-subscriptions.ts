import type { MqttClient } from 'mqtt'
import type { z } from 'zod'
import { backoff } from '../core/backoff.ts'
import { channels } from '../core/channels.ts'
import { TransportError } from '../core/errors.ts'
import { pause } from '../core/pause.ts'
import { type Address, type Channel, topic } from '../core/topic.ts'
import type { BusOptions, Listener, More } from './bus.ts'
import { awaitGoodbye } from './goodbye.ts'
import { Mailbox } from './mailbox.ts'
import type { MqttStatus } from './mqtt-status.ts'

/**
 * Milliseconds between attempts after a refusal, at first and at most: a node of a cluster may be away for a
 * moment.
 */
const [FIRST_MS, LONGEST_MS] = [100, 5000]
/** Milliseconds until the nodes of a cluster agree on retained messages. */
const AGREED_MS = 1000
/** The most attempts for a caller that waits; 3 s in all. */
const TRIES = 6

/**
 * A client's subscriptions. Every listener subscribes to its filter; the subscription ends with the last one.
 * At QoS 0: a session ends with its connection, so nothing would be resent anyway, and a cluster grants QoS 0
 * even if some of its nodes are away.
 */
export class MqttSubscriptions {
  readonly #client: MqttClient
  readonly #status: MqttStatus
  readonly #options: BusOptions
  readonly #mailbox: Mailbox
  /** Number of listeners by filter. */
  readonly #listeners = new Map<string, number>()
  /** Filters that may have retained messages. */
  readonly #retained = new Set<string>()
  /** Why an `ocs hub` did not grant a filter; other brokers give no reason. */
  readonly #reasons = new Map<string, string>()
  /** Aborted when the connection is lost. */
  #lost = new AbortController()

  /**
   * @param refused called for each message of this client that the hub does not forward, with the topic and
   *   the reason
   */
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
    // The hub sends this without a subscription.
    mailbox.add(channels.refused, {}, ({ topic: name, why }) => {
      if (this.#listeners.has(name)) this.#reasons.set(name, why)
      else refused(name, why)
    })
    client.on('message', (name, payload, packet) => mailbox.deliver(name, payload.toString(), packet.retain))
    status.listen((connected) => {
      if (connected) this.#askAgain()
      else this.#lost.abort()
    })
  }

  /** Subscribes as described at `Bus.subscribe`. */
  async add<P extends string, S extends z.ZodType>(
    to: Channel<P, S>,
    address: Partial<Address<P>>,
    listener: Listener<P, S>,
    more?: More<P, S>,
  ): Promise<AsyncDisposable> {
    const filter = topic(to, address)
    const remove = this.#mailbox.add(to, address, listener, more)
    this.#listeners.set(filter, (this.#listeners.get(filter) ?? 0) + 1)
    if (to.retain) this.#retained.add(filter)
    const drop = () => {
      remove()
      return this.#drop(filter)
    }
    // While the hub is away, the subscription is made once it is back, and the caller does not wait.
    if (this.#status.connected) {
      await this.#ask(filter, TRIES).catch((error: unknown) => {
        drop()
        throw error
      })
    }
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

  #askAgain(): void {
    this.#lost = new AbortController()
    for (const filter of this.#listeners.keys())
      this.#ask(filter, Infinity).catch((error: Error) => this.#options.onBad?.(filter, error.message))
  }

  /**
   * Subscribes to a filter, and again after a refusal without a reason, as long as there are listeners and
   * this connection lasts.
   * @throws TransportError when it is refused for good
   */
  async #ask(filter: string, tries: number): Promise<void> {
    const client = this.#client
    const { signal } = this.#lost
    for (let failed = 0; this.#listeners.has(filter) && !signal.aborted && !client.disconnecting; failed++) {
      try {
        // Subscribing again gives the second listener the retained messages, too.
        await client.subscribeAsync(filter, { qos: 0 })
        if (this.#status.isCluster && this.#retained.has(filter)) void this.#lookAgain(filter, signal)
        return
      } catch (cause) {
        // The hub has died meanwhile, or this client is disconnecting.
        if (signal.aborted || client.disconnecting) return
        const reason = this.#reasons.get(filter)
        this.#reasons.delete(filter)
        const text = `the hub refused the subscription to ${filter}: ${reason ?? (cause as Error).message}`
        if (reason !== undefined || failed + 1 >= tries) throw new TransportError(text, { cause })
        if (failed === 0 && tries === Infinity) this.#options.onBad?.(filter, `${text}; trying again`)
        await pause(backoff(failed, FIRST_MS, LONGEST_MS), signal)
      }
    }
  }

  /**
   * Subscribes again after a moment. In a cluster, a message published just before the subscription may have
   * been neither forwarded nor retained yet.
   */
  async #lookAgain(filter: string, signal: AbortSignal): Promise<void> {
    await pause(AGREED_MS, signal)
    if (signal.aborted || this.#client.disconnecting || !this.#listeners.has(filter)) return
    await this.#client.subscribeAsync(filter, { qos: 0 }).catch(() => {})
  }

  /** Removes one listener; returns how many are left. */
  #drop(filter: string): number {
    const left = (this.#listeners.get(filter) ?? 1) - 1
    if (left > 0) this.#listeners.set(filter, left)
    else {
      this.#listeners.delete(filter)
      this.#retained.delete(filter)
    }
    return left
  }

  async #giveUp(filter: string): Promise<void> {
    const client = this.#client
    if (client.disconnecting || !this.#status.connected) return
    // A hub that dies meanwhile would take long to answer.
    await awaitGoodbye(client.unsubscribeAsync(filter).catch(() => {}))
  }
}
