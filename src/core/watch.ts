/**
 * Reports when nothing has been heard for too long during an awaited answer. A link may try for many seconds
 * before it gives an instrument up; people watching an operation should know sooner.
 */
export class Watch implements Disposable {
  readonly #ms: number
  readonly #silent: () => void
  #timer: Timer | undefined

  /** @param ms how long silence is normal; `silent` is called once each time it lasts longer */
  constructor(ms: number, silent: () => void) {
    this.#ms = ms
    this.#silent = silent
  }

  /** Something was heard, or is awaited from now on. */
  heard(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(this.#silent, this.#ms)
  }

  /** Stops waiting. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
  }
}
