import { type Clock, systemClock } from '../../core/clock.ts'

/** Limits a flow to a number of bytes per second; unused capacity is not saved up. */
export class Pace {
  readonly #rate: number
  readonly #clock: Clock
  /** When the bytes so far are within the rate, ms. */
  #paid = -Infinity

  /** @param rate bytes per second */
  constructor(rate = Infinity, clock = systemClock) {
    this.#rate = rate
    this.#clock = clock
  }

  /** Bytes per second; undefined without a limit. */
  get rate(): number | undefined {
    return Number.isFinite(this.#rate) ? this.#rate : undefined
  }

  /** Resolves when the rate allows for that many more bytes, or the signal aborts. */
  async took(bytes: number, signal: AbortSignal): Promise<void> {
    if (this.rate === undefined) return
    const now = this.#clock.now()
    this.#paid = Math.max(this.#paid, now) + (bytes / this.#rate) * 1000
    await this.#clock.sleep(this.#paid - now, signal)
  }
}
