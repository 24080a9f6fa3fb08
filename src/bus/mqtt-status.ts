import type { MqttClient } from 'mqtt'

type StatusListener = (connected: boolean, reason?: string) => void

/** Whether a client reaches the hub, and why it does not. */
export class MqttStatus {
  readonly #listeners = new Set<StatusListener>()
  #connected = false
  #problem: string | undefined

  /** @param onRefused hears that the hub refused the client */
  constructor(client: MqttClient, onRefused: ((reason: string, code: number) => void) | undefined) {
    client.on('connect', () => {
      this.#problem = undefined
      this.#tell(true)
    })
    client.on('close', () => this.#tell(false))
    client.on('error', (error) => {
      this.#problem = error.message
      // A return code of CONNACK (MQTT 3.1.1 §3.2.2.3).
      if ('code' in error && typeof error.code === 'number' && error.code > 0 && error.code < 6) {
        onRefused?.(error.message, error.code)
      }
    })
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
