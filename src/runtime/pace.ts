/** Something that is told again and again: at once after a pause, else when as much time has passed as its changes may wait. */
export class Pace {
  readonly #tell: () => void
  #told = -Infinity
  /** When it is to be told next, monotonic ms. */
  #due = Infinity
  /** Before which it is not told, monotonic ms. */
  #from = -Infinity
  #timer: Timer | undefined
  #ended = false

  constructor(tell: () => void) {
    this.#tell = tell
  }

  /** It has changed, and is told `ms` after it was told last, or after this turn of the event loop when that is over. */
  within(ms: number): void {
    const now = performance.now()
    const due = Math.max(now, this.#from, this.#told + ms)
    if (this.#ended || due >= this.#due) return
    clearTimeout(this.#timer)
    this.#due = due
    this.#timer = setTimeout(() => this.#out(), due - now)
  }

  /** Tells what waits now, with other things that are told. */
  flush(): void {
    if (this.#due < Infinity) this.#out()
  }

  /** What waits is told by other means. The next change waits `ms` for what may come with it. */
  drop(ms = 0): void {
    clearTimeout(this.#timer)
    this.#due = Infinity
    this.#from = performance.now() + ms
  }

  /** Tells what still waits, and nothing after it. */
  end(): void {
    this.#ended = true
    this.flush()
  }

  /** Nothing is told any more. */
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
