import { TransportError } from '../../core/errors.ts'

/** Milliseconds that a store may be silent during an operation. */
const SILENT_MS = 30_000

/** Aborts an operation if its store has been silent for too long, or if the signal aborts. */
export class Patience implements Disposable {
  readonly #ended = new AbortController()
  readonly #outer: AbortSignal
  readonly #ms: number
  #timer: ReturnType<typeof setTimeout> | undefined
  readonly #stop = () => this.#ended.abort(this.#outer.reason)

  constructor(signal: AbortSignal, ms = SILENT_MS) {
    this.#outer = signal
    this.#ms = ms
    if (signal.aborted) this.#stop()
    else signal.addEventListener('abort', this.#stop)
    this.heard()
  }

  /** Aborts with the reason. */
  get signal(): AbortSignal {
    return this.#ended.signal
  }

  /** Restarts the timeout, since something was received or sent. */
  heard(): void {
    clearTimeout(this.#timer)
    const late = () => this.#ended.abort(new TransportError(`no data for ${this.#ms / 1000} s`))
    this.#timer = setTimeout(late, this.#ms)
  }

  /** The result of work that cannot be aborted; rejects with the reason once the wait is over. */
  async of<T>(work: T | Promise<T>): Promise<T> {
    const { promise: ended, reject } = Promise.withResolvers<never>()
    const end = () => reject(this.signal.reason)
    if (this.signal.aborted) end()
    else this.signal.addEventListener('abort', end)
    try {
      const done = await Promise.race([work, ended])
      this.heard()
      return done
    } finally {
      this.signal.removeEventListener('abort', end)
    }
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    this.#outer.removeEventListener('abort', this.#stop)
  }
}
