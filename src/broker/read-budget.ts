import { Bucket } from '../principals/bucket.ts'
import { limits } from './limits.ts'

/**
 * What the hub reads per second of one principal, over all its connections: data above that waits in the
 * sender's own sockets, and delays nobody else. Connections are read a little at a time, in turn.
 */
export class ReadBudget {
  /** Packets read of one connection at a time. */
  readonly quantum = 100
  readonly #messages = new Bucket(limits.messages_per_second)
  readonly #bytes = new Bucket(limits.bytes_per_second)
  readonly #queue: (() => void)[] = []
  #timer: Timer | undefined
  readonly #spent: () => void

  /** @param spent called each time that the principal has to wait */
  constructor(spent: () => void) {
    this.#spent = spent
  }

  /** Whether nothing may be read now. */
  get isSpent(): boolean {
    return this.#timer !== undefined
  }

  /** Counts data that was read. */
  spend(messages: number, bytes: number): void {
    const wait = Math.max(this.#messages.spend(messages), this.#bytes.spend(bytes))
    if (wait === 0 || this.#timer !== undefined) return
    this.#spent()
    this.#timer = setTimeout(() => this.#again(), wait)
  }

  /** Calls back once there is budget to read again. */
  wait(next: () => void): void {
    this.#queue.push(next)
    if (this.#timer === undefined) this.#timer = setTimeout(() => this.#again(), 0)
  }

  #again(): void {
    this.#timer = undefined
    while (this.#timer === undefined) {
      const next = this.#queue.shift()
      if (next === undefined) return
      next()
    }
  }
}
