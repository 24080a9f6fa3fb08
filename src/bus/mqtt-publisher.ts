import type { MqttClient } from 'mqtt'
import { TransportError } from '../core/errors.ts'
import type { Channel } from '../core/topic.ts'

/** Bytes of a payload: the hub cuts whoever sends a packet of more than 4 MiB, and a QoS 1 one would be sent for ever. */
const MOST_BYTES = 4_000_000

/** Sends what a client publishes, as `Bus.publish` promises. */
export class MqttPublisher {
  readonly #client: MqttClient
  /** QoS 1 messages the hub has not acknowledged: mqtt.js says nothing of them when it is ended. Oldest first. */
  readonly #unsent = new Set<{ readonly name: string; readonly reject: (error: Error) => void }>()

  constructor(client: MqttClient) {
    this.#client = client
  }

  send(name: string, text: string, { qos, retain }: Channel): Promise<void> {
    const client = this.#client
    const bytes = Buffer.byteLength(text)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    // Not everyone who publishes waits for the hub: an error that nobody asks for must not end the process.
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
      client.publish(name, text, { qos, retain }, (error) => {
        this.#unsent.delete(unsent)
        if (error) reject(new TransportError(`${name}: ${error.message}`, { cause: error }))
        else resolve()
      })
    }
    return promise
  }

  /** The hub does not pass on what was published on a topic: it says so before it acknowledges that. */
  refused(name: string, why: string): void {
    const found = [...this.#unsent].find((unsent) => unsent.name === name)
    if (!found) return
    this.#unsent.delete(found)
    found.reject(new TransportError(`the hub refused to publish it: ${why}`))
  }

  /** The client is ended: what waits for the hub is not sent any more. */
  close(): void {
    for (const { reject } of this.#unsent) reject(new TransportError('the connection to the hub was closed'))
    this.#unsent.clear()
  }
}
