import { closedHere } from './failures.ts'

/**
 * How a transport ends: a loss is reported once, even to a listener added later, and never after our own
 * `close()`.
 */
export class Loss {
  readonly #name: string
  #reason: Error | undefined
  #listener: ((reason: Error) => void) | undefined
  #closed = false

  constructor(name: string) {
    this.#name = name
  }

  /** Why nothing can be sent any more; undefined while it can. */
  get over(): Error | undefined {
    return this.#reason ?? (this.#closed ? closedHere(this.#name) : undefined)
  }

  /** Reports a loss. @returns whether it is the first sign of an end */
  tell(reason: Error): boolean {
    if (this.over) return false
    this.#reason = reason
    this.#listener?.(reason)
    return true
  }

  /** Notes our own close. @returns whether it is the first sign of an end */
  close(): boolean {
    const first = this.over === undefined
    this.#closed = true
    return first
  }

  readonly onClose = (listener: (reason: Error) => void): void => {
    this.#listener = listener
    if (this.#reason) listener(this.#reason)
  }
}
