import type { MqttClient } from 'mqtt'
import { TransportError } from '../core/errors.ts'
import type { Channel } from '../core/topic.ts'

/**
 * Bytes of a payload: the hub disconnects a client that sends a packet of more than 4 MiB, and a packet of
 * QoS 1 would be resent for ever.
 */
const MOST_BYTES = 4_000_000
/** Milliseconds after which a state is published again in a cluster. */
const AGAIN_MS = 3000

/** Sends what a client publishes, as `Bus.publish` promises. */
export class MqttPublisher {
  readonly #client: MqttClient
  /**
   * QoS 1 messages that the hub has not acknowledged: mqtt.js does not report them when it is ended. Oldest
   * first.
   */
  readonly #unsent = new Set<{ readonly name: string; readonly reject: (error: Error) => void }>()

  /** Retained topics that are published once more, with their timers. */
  readonly #again = new Map<string, Timer>()
  readonly #isCluster: boolean

  /**
   * @param isCluster whether the hub has several nodes: NATS may keep an older state than the last published one
   *   for whoever subscribes at the same moment (decision 0033)
   */
  constructor(client: MqttClient, isCluster: boolean) {
    this.#client = client
    this.#isCluster = isCluster
  }

  send(name: string, text: string, { qos, retain }: Channel): Promise<void> {
    const client = this.#client
    const bytes = Buffer.byteLength(text)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    // Some callers do not wait for the hub: an unhandled rejection must not end the process.
    promise.catch(() => {})
    if (bytes > MOST_BYTES) {
      reject(
        new TransportError(
          `${name}: ${bytes} bytes are too many for one message (at most ${MOST_BYTES} bytes)`,
        ),
      )
    } else if (qos === 0) {
      if (client.connected && !client.disconnecting) client.publish(name, text, { qos, retain })
      resolve()
    } else {
      const unsent = { name, reject }
      this.#unsent.add(unsent)
      if (this.#isCluster && retain) this.#repeat(name, text, qos)
      client.publish(name, text, { qos, retain }, (error) => {
        this.#unsent.delete(unsent)
        if (error) reject(new TransportError(`${name}: ${error.message}`, { cause: error }))
        else resolve()
      })
    }
    return promise
  }

  /** Publishes a state once more after a while, unless a newer one has been published by then. */
  #repeat(name: string, text: string, qos: 1): void {
    clearTimeout(this.#again.get(name))
    const timer = setTimeout(() => {
      this.#again.delete(name)
      const client = this.#client
      if (client.connected && !client.disconnecting) client.publish(name, text, { qos, retain: true })
    }, AGAIN_MS)
    timer.unref()
    this.#again.set(name, timer)
  }

  /** Rejects a publication that the hub does not forward: the hub says so before it acknowledges. */
  refused(name: string, why: string): void {
    const found = [...this.#unsent].find((unsent) => unsent.name === name)
    if (!found) return
    this.#unsent.delete(found)
    found.reject(new TransportError(`the hub refused to publish it: ${why}`))
  }

  /** The client is ended: messages that wait for the hub are not sent any more. */
  close(): void {
    for (const { reject } of this.#unsent) reject(new TransportError('the connection to the hub was closed'))
    this.#unsent.clear()
    for (const timer of this.#again.values()) clearTimeout(timer)
    this.#again.clear()
  }
}
