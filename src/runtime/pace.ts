import { BEAT_S } from '../core/channels.ts'

/**
 * Longest wait of what changes with each reading, ms. Each beat announces what waits; this is longer than a
 * beat, because a wait of equal length, once it ends a moment before a beat, does so before every later one.
 */
export const UNTIL_BEAT_MS = 1000 * (BEAT_S + 1)

/**
 * Limits how often a repeated announcement is made: at once after a pause, otherwise after the longest delay
 * that its changes allow.
 */
export class Pace {
  readonly #tell: () => void
  #told = -Infinity
  /** When the next announcement is due, monotonic ms. */
  #due = Infinity
  /** No announcement before this time, monotonic ms. */
  #from = -Infinity
  #timer: Timer | undefined
  #ended = false

  constructor(tell: () => void) {
    this.#tell = tell
  }

  /**
   * Reports a change. It is announced `ms` after the last announcement, or at the end of this turn of the
   * event loop if that time has passed.
   */
  within(ms: number): void {
    const now = performance.now()
    const due = Math.max(now, this.#from, this.#told + ms)
    if (this.#ended || due >= this.#due) return
    clearTimeout(this.#timer)
    this.#due = due
    this.#timer = setTimeout(() => this.#out(), due - now)
  }

  /** Makes a pending announcement now, together with others. */
  flush(): void {
    if (this.#due < Infinity) this.#out()
  }

  /**
   * Cancels the pending announcement, because it is made in another way. The next change waits at least `ms`,
   * to be joined by others.
   */
  drop(ms = 0): void {
    clearTimeout(this.#timer)
    this.#due = Infinity
    this.#from = performance.now() + ms
  }

  /** Makes the pending announcement, and none after it. */
  end(): void {
    this.#ended = true
    this.flush()
  }

  /** Makes no more announcements. */
  stop(): void {
    this.drop()
    this.#ended = true
  }

  #out(): void {
    this.drop()
    this.#told = performance.now()
    this.#tell()
  }
}
