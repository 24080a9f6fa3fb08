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

/** Milliseconds from one refusal to the next request, at first and at most: a node of a cluster may be gone just now. */
const [FIRST_MS, LONGEST_MS] = [100, 5000]
/** Milliseconds until nodes of a cluster agree on what is retained. */
const AGREED_MS = 1000
/** How often is asked on behalf of who waits for it; 3 s in all. */
const TRIES = 6

/**
 * What a client listens to: each filter is asked for by every listener, and given up with the last. At QoS 0: a session ends
 * with its connection, so that nothing would be sent twice anyhow, and a cluster grants it whichever of its nodes are away.
 */
export class MqttSubscriptions {
  readonly #client: MqttClient
  readonly #status: MqttStatus
  readonly #options: BusOptions
  readonly #mailbox: Mailbox
  /** Listeners by filter. */
  readonly #listeners = new Map<string, number>()
  /** Filters of which something may be retained. */
  readonly #retained = new Set<string>()
  /** Why an `ocs hub` does not grant a filter: others only say that they do not. */
  readonly #reasons = new Map<string, string>()
  /** Aborted when the connection is lost. */
  #lost = new AbortController()

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
    if (to.retain) this.#retained.add(filter)
    const drop = () => {
      remove()
      return this.#drop(filter)
    }
    // Away from the hub it is asked for once that is back; nobody waits for that.
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
   * Asks for a filter, and again where it is refused without a reason, as long as it is wanted and this connection lasts.
   * @throws TransportError when it is refused for good
   */
  async #ask(filter: string, tries: number): Promise<void> {
    const client = this.#client
    const { signal } = this.#lost
    for (let failed = 0; this.#listeners.has(filter) && !signal.aborted && !client.disconnecting; failed++) {
      try {
        // Who comes second gets what is retained, too.
        await client.subscribeAsync(filter, { qos: 0 })
        if (this.#status.isCluster && this.#retained.has(filter)) void this.#lookAgain(filter, signal)
        return
      } catch (cause) {
        // The hub has died meanwhile, or this client leaves.
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
   * A message that came just before the subscription may have been neither passed on nor retained yet, where several nodes
   * have to agree on that.
   */
  async #lookAgain(filter: string, signal: AbortSignal): Promise<void> {
    await pause(AGREED_MS, signal)
    if (signal.aborted || this.#client.disconnecting || !this.#listeners.has(filter)) return
    await this.#client.subscribeAsync(filter, { qos: 0 }).catch(() => {})
  }

  /** One listener less; answers how many are left. */
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
    // A hub that dies meanwhile would be long in answering.
    await awaitGoodbye(client.unsubscribeAsync(filter).catch(() => {}))
  }
}
