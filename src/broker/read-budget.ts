import { Bucket } from '../principals/bucket.ts'
import { limits } from './limits.ts'

/**
 * What the hub reads in a second of somebody, over all of their connections: who sends more waits in its own sockets, and
 * nobody else does. Each reads a little at a time, in turn.
 */
export class ReadBudget {
  /** Packets that one connection may have read at a time. */
  readonly quantum = 100
  readonly #messages = new Bucket(limits.messages_per_second)
  readonly #bytes = new Bucket(limits.bytes_per_second)
  readonly #queue: (() => void)[] = []
  #timer: Timer | undefined
  readonly #spent: () => void

  /** @param spent hears each time that somebody has to wait */
  constructor(spent: () => void) {
    this.#spent = spent
  }

  /** Whether nothing is to be read now. */
  get isSpent(): boolean {
    return this.#timer !== undefined
  }

  /** Something was read. */
  spend(messages: number, bytes: number): void {
    const wait = Math.max(this.#messages.spend(messages), this.#bytes.spend(bytes))
    if (wait === 0 || this.#timer !== undefined) return
    this.#spent()
    this.#timer = setTimeout(() => this.#again(), wait)
  }

  /** Calls back once there is something to be read for again. */
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
