import type { MqttClient } from 'mqtt'
import type { Servers } from './servers.ts'
import { type Unreached, unreached } from './unreached.ts'

interface Attempts {
  readonly servers: Servers
  /** Whether the client has shown its current credentials; otherwise the connection is made again. */
  hasShown(): boolean
  /** Whether it has shown no credentials. A client that was admitted with a token need not check again. */
  showedNothing(): boolean
  /**
   * Called when the hub refuses the client, with the code of its CONNACK; if there are several addresses,
   * once none is left that may admit it.
   */
  readonly onRefused?: ((reason: string, code: number) => void) | undefined
}
type ProblemListener = (problem: Unreached) => void
type StatusListener = (connected: boolean, reason?: string) => void

/** Whether a client is connected to the hub, and why not. */
export class MqttStatus {
  readonly #listeners = new Set<StatusListener>()
  readonly #problemListeners = new Set<ProblemListener>()
  readonly #servers: Servers
  #connected = false
  /** Whether the cause of this attempt's failure is known by now. */
  #isKnown = false

  constructor(client: MqttClient, { servers, hasShown, showedNothing, onRefused }: Attempts) {
    this.#servers = servers
    let isAgain = false
    client.on('connect', () => {
      // Only once: a value that changes at each look cannot be a credential.
      isAgain = !isAgain && showedNothing() && !hasShown()
      if (isAgain) return void client.stream.destroy()
      servers.reached()
      this.#isKnown = true
      this.#tell(true)
    })
    client.on('close', () => {
      if (!this.#isKnown) servers.failed({ text: 'what answers there closes the connection', kind: 'away' })
      this.#isKnown = false
      this.#tell(false)
    })
    client.on('error', (error) => {
      const { code } = error as { code?: number | string }
      this.#isKnown = true
      servers.failed(unreached(error, servers.now, this.#connected, client.options.ca !== undefined))
      const { problem } = servers
      if (!problem || !hasShown()) return
      const isLast = servers.all.length === 1 || problem.kind === 'refused'
      // A return code of CONNACK (MQTT 3.1.1 §3.2.2.3).
      if (typeof code === 'number' && code > 0 && code < 6 && isLast) onRefused?.(error.message, code)
      for (const listener of [...this.#problemListeners]) listener(problem)
    })
  }

  /** Whether the hub has several addresses. */
  get isCluster(): boolean {
    return this.#servers.all.length > 1
  }

  get connected(): boolean {
    return this.#connected
  }

  /** Why the last attempt failed. */
  get problem(): Unreached | undefined {
    return this.#servers.problem
  }

  /** Calls the listener at each connection and loss, and at once with the present state. */
  listen(listener: StatusListener): Disposable {
    this.#listeners.add(listener)
    listener(this.#connected)
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) }
  }

  /** Calls the listener when an attempt fails although the client has shown its current credentials. */
  onProblem(listener: ProblemListener): Disposable {
    this.#problemListeners.add(listener)
    return { [Symbol.dispose]: () => this.#problemListeners.delete(listener) }
  }

  #tell(connected: boolean): void {
    if (connected === this.#connected) return
    this.#connected = connected
    for (const listener of [...this.#listeners])
      listener(connected, connected ? undefined : this.problem?.text)
  }
}
