import type { Readable } from 'node:stream'

/** Bytes of unanswered rows above which reading pauses, and the longest pause in ms. */
const MOST_UNANSWERED = 4 << 20
const HELD_MS = 10_000

/**
 * Counts rows that a program has written and that are not answered. If there are many, reading pauses:
 * otherwise, with a slow disk, memory would drop rows that are answered all the same. If the disk cannot be
 * written at all, requests to operations must still be answered, so the pause is limited.
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
