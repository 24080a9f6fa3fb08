/** So many a second, and up to `most` at once after a pause; time is the monotonic clock. */
export class Bucket {
  readonly #rate: number
  readonly #most: number
  #left: number
  #at = performance.now()

  constructor(rate: number, most = rate) {
    this.#rate = rate
    this.#most = most
    this.#left = most
  }

  /** Takes some out, if they are there. */
  take(count: number): boolean {
    this.#fill()
    if (this.#left < count) return false
    this.#left -= count
    return true
  }

  /** Takes some out, there or not, and answers in how many milliseconds there is something again; 0 while there is. */
  spend(count: number): number {
    this.#fill()
    this.#left -= count
    return this.#left > 0 ? 0 : Math.ceil((1000 * (1 - this.#left)) / this.#rate)
  }

  #fill(): void {
    const now = performance.now()
    this.#left = Math.min(this.#most, this.#left + ((now - this.#at) * this.#rate) / 1000)
    this.#at = now
  }
}
