/**
 * Tells when nothing has been heard for too long while something is awaited. A link may try for many seconds before it gives
 * an instrument up: whoever looks at an operation is to know sooner.
 */
export class Watch implements Disposable {
  readonly #ms: number
  readonly #silent: () => void
  #timer: Timer | undefined

  /** @param ms how long silence is no news; `silent` is called once each time it lasts longer */
  constructor(ms: number, silent: () => void) {
    this.#ms = ms
    this.#silent = silent
  }

  /** Something was heard, or is awaited from now on. */
  heard(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(this.#silent, this.#ms)
  }

  /** Nothing is awaited. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
  }
}
