import type { MqttClient } from 'mqtt'
import type { Servers } from './servers.ts'
import { type Unreached, unreached } from './unreached.ts'

interface Attempts {
  readonly servers: Servers
  /** Whether the client has shown what it has to show by now; a connection without it is made anew. */
  hasShown(): boolean
  /** Whether it has shown nothing: who was let in with a token had the right one, and need not look again. */
  showedNothing(): boolean
  /** Hears that the hub refused the client, with the code of its CONNACK; of several addresses once none is left that may not. */
  readonly onRefused?: ((reason: string, code: number) => void) | undefined
}
type ProblemListener = (problem: Unreached) => void
type StatusListener = (connected: boolean, reason?: string) => void

/** Whether a client reaches the hub, and why it does not. */
export class MqttStatus {
  readonly #listeners = new Set<StatusListener>()
  readonly #problemListeners = new Set<ProblemListener>()
  readonly #servers: Servers
  #connected = false
  /** Whether it is known by now what is wrong with this attempt. */
  #isKnown = false

  constructor(client: MqttClient, { servers, hasShown, showedNothing, onRefused }: Attempts) {
    this.#servers = servers
    let isAgain = false
    client.on('connect', () => {
      // Once: what changes with each look is nobody's credentials.
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

  /** What was wrong with the last attempt. */
  get problem(): Unreached | undefined {
    return this.#servers.problem
  }

  /** Calls back at each connection and loss; at once with the present state. */
  listen(listener: StatusListener): Disposable {
    this.#listeners.add(listener)
    listener(this.#connected)
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) }
  }

  /** Calls back when an attempt fails after the client has shown what it has to show. */
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
