import type { Readable } from 'node:stream'

/** Bytes of rows that may be unanswered before no more is read of it, and milliseconds that this lasts at most. */
const MOST_UNANSWERED = 4 << 20
const HELD_MS = 10_000

/**
 * Rows that a program has written and that are not answered. Where they are many, no more is read of it for a while: a disk that is
 * slow would else have memory let go of rows, which are then answered all the same. One that does not write at all must not
 * keep operations from being answered, so that the while has an end.
 */
export class Unanswered {
  readonly #out: Readable
  #bytes = 0
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(out: Readable) {
    this.#out = out
  }

  took(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes < MOST_UNANSWERED || this.#timer) return
    this.#out.pause()
    this.#timer = setTimeout(() => this.answered(), HELD_MS)
  }

  answered(): void {
    this.#bytes = 0
    if (!this.#timer) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#out.resume()
  }
}
