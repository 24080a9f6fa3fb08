import { type Clock, systemClock } from '../../core/clock.ts'

/** Keeps a flow to so many bytes a second; what is not used is not saved up. */
export class Pace {
  readonly #rate: number
  readonly #clock: Clock
  /** When what went so far is paid for, ms. */
  #paid = -Infinity

  /** @param rate bytes a second */
  constructor(rate = Infinity, clock = systemClock) {
    this.#rate = rate
    this.#clock = clock
  }

  /** Bytes a second; undefined without a limit. */
  get rate(): number | undefined {
    return Number.isFinite(this.#rate) ? this.#rate : undefined
  }

  /** Resolves once so many bytes more have had their time, or the signal aborts. */
  async took(bytes: number, signal: AbortSignal): Promise<void> {
    if (this.rate === undefined) return
    const now = this.#clock.now()
    this.#paid = Math.max(this.#paid, now) + (bytes / this.#rate) * 1000
    await this.#clock.sleep(this.#paid - now, signal)
  }
}
