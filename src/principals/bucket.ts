/** So many a second, and up to `most` at once after a pause. */
export class Bucket {
  readonly #rate: number
  readonly #most: number
  readonly #now: () => number
  #left: number
  #at: number

  /** @param now the monotonic clock, ms */
  constructor(rate: number, most = rate, now: () => number = () => performance.now()) {
    this.#rate = rate
    this.#most = most
    this.#now = now
    this.#left = most
    this.#at = now()
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
    const now = this.#now()
    this.#left = Math.min(this.#most, this.#left + ((now - this.#at) * this.#rate) / 1000)
    this.#at = now
  }
}

/** What is kept of each of many, made when it is first asked for; of more than `most` the one that was asked for longest ago goes. */
export class OfEach<T> {
  readonly #most: number
  readonly #make: () => T
  readonly #known = new Map<string, T>()

  constructor(most: number, make: () => T) {
    this.#most = most
    this.#make = make
  }

  of(key: string): T {
    const found = this.#known.get(key) ?? this.#make()
    this.#known.delete(key)
    this.#known.set(key, found)
    const [oldest] = this.#known.keys()
    if (this.#known.size > this.#most && oldest !== undefined) this.#known.delete(oldest)
    return found
  }
}
