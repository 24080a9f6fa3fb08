/**
 * Seconds that recorded rows are kept, for data nodes that start later and for files that somebody removes.
 */
const STAY = 3600
/** Milliseconds between marks: rows are kept up to this much longer. */
const MARK_MS = 60_000

/** The last seq assigned in each epoch, by the epoch's id in the spool. */
type Given = ReadonlyMap<number, number>

/**
 * Finds the rows that have been in a spool for an hour, measured by the uptime of this process: setting the
 * clock, or a wrong clock at the start, does not make them older. Rows that the process found at its start
 * are kept for another hour.
 */
export class Ring {
  readonly #now: () => number
  #marks: { readonly at: number; readonly given: Given }[] = []

  /** @param now monotonic time, ms */
  constructor(now: () => number) {
    this.#now = now
  }

  /**
   * Notes the seqs assigned so far.
   * @returns the seqs assigned up to an hour ago; empty in the first hour
   */
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
