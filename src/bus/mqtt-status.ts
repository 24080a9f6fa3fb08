import type { MqttClient } from 'mqtt'
import { isLoopback } from '../core/host-port.ts'
import { systemWords } from '../core/system-words.ts'

interface Attempts {
  readonly url: string
  /** Hears that the hub refused the client, with the code of its CONNACK. */
  readonly onRefused?: ((reason: string, code: number) => void) | undefined
}
type StatusListener = (connected: boolean, reason?: string) => void

/** Whether a client reaches the hub, and why it does not. */
export class MqttStatus {
  readonly #listeners = new Set<StatusListener>()
  #connected = false
  #problem: string | undefined
  /** Whether it is known by now what is wrong with this attempt. */
  #isKnown = false

  constructor(client: MqttClient, { url, onRefused }: Attempts) {
    const isHere = isLoopback(new URL(url).hostname)
    client.on('connect', () => {
      this.#problem = undefined
      this.#isKnown = true
      this.#tell(true)
    })
    client.on('close', () => {
      if (!this.#isKnown) this.#problem = 'what answers there closes the connection'
      this.#isKnown = false
      this.#tell(false)
    })
    client.on('error', (error) => {
      const { code } = error as { code?: number | string }
      this.#isKnown = true
      this.#problem =
        isHere && code === 'ECONNREFUSED'
          ? 'connection refused'
          : this.#wordsFor(error, typeof code === 'number')
      // A return code of CONNACK (MQTT 3.1.1 §3.2.2.3).
      if (typeof code === 'number' && code > 0 && code < 6) onRefused?.(error.message, code)
    })
  }

  /** What mqtt.js says of bytes that are none of MQTT is of no use to anybody. */
  #wordsFor(error: Error, isHub: boolean): string {
    const own = isHub || this.#connected ? error.message : 'nothing there answers as a hub does'
    return systemWords(error) ?? own
  }

  get connected(): boolean {
    return this.#connected
  }

  /** What was wrong with the last attempt. */
  get problem(): string | undefined {
    return this.#problem
  }

  /** Calls back at each connection and loss; at once with the present state. */
  listen(listener: StatusListener): Disposable {
    this.#listeners.add(listener)
    listener(this.#connected)
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) }
  }

  #tell(connected: boolean): void {
    if (connected === this.#connected) return
    this.#connected = connected
    for (const listener of [...this.#listeners]) listener(connected, connected ? undefined : this.#problem)
  }
}
