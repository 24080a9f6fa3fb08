/** Seconds that recorded rows stay, for data nodes that start and for files that somebody takes away. */
const STAY = 3600
/** Milliseconds from one mark to the next: rows stay up to so much longer. */
const MARK_MS = 60_000

/** The last seq that an epoch, by its id in the spool, has given out. */
type Given = ReadonlyMap<number, number>

/**
 * Knows which rows have been in a spool for an hour, by the time for which this process has run: no clock that is set, or was
 * wrong when the process began, makes them older. What the process found when it began stays another hour.
 */
export class Ring {
  readonly #now: () => number
  #marks: { readonly at: number; readonly given: Given }[] = []

  /** @param now monotonic time, ms */
  constructor(now: () => number) {
    this.#now = now
  }

  /** Takes note of what has been given out. @returns what had been an hour ago; nothing in the first hour */
  look(given: () => Given): Given {
    const now = this.#now()
    const last = this.#marks.at(-1)
    if (!last || now - last.at >= MARK_MS) this.#marks.push({ at: now, given: given() })
    const old = this.#marks.findLastIndex(({ at }) => now - at >= STAY * 1000)
    if (old < 0) return new Map()
    this.#marks = this.#marks.slice(old)
    return this.#marks[0]?.given ?? new Map()
  }
}
