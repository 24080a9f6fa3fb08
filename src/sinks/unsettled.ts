/** Points that a database has acknowledged, but that may not be on its disk. */

/**
 * Milliseconds after which points are on the disk of a database that has not ended since it acknowledged
 * them. VictoriaMetrics collects rows for 2 s, and checks every 5 s (`-inmemoryDataFlushInterval`) for parts
 * that have been in memory for 5 s and are not being merged: 12 to 17 s, and the time that a busy disk takes.
 */
const SETTLED_MS = 30_000

/**
 * Keeps acknowledged points until they have settled, and returns those that an end of the database may have
 * lost.
 */
export class Unsettled<T> {
  readonly #size: (one: T) => number
  #kept: { readonly at: number; readonly what: readonly T[] }[] = []
  #life: string | undefined
  /** Number of points kept. */
  points = 0

  /** @param size number of points of one item */
  constructor(size: (one: T) => number) {
    this.#size = size
  }

  /**
   * Whether to ask the database which run it is in: it is unknown, or some points are old enough to have
   * settled.
   */
  isDue(now: number): boolean {
    const [oldest] = this.#kept
    return this.#life === undefined || (oldest !== undefined && now - oldest.at >= SETTLED_MS)
  }

  /** Adds points that the database has acknowledged. @param now ms, a time after the acknowledgement */
  add(what: readonly T[], now: number): void {
    this.#kept.push({ at: now, what })
    this.points += this.#sizeOf(what)
  }

  /**
   * Takes the run in which the database reported to be after the time `now` (ms): returns the items that have
   * settled by then, and those that may be lost, each in order.
   */
  seen(life: string, now: number): { readonly settled: readonly T[]; readonly gone: readonly T[] } {
    const isNew = life !== this.#life
    this.#life = life
    const old = isNew ? this.#kept.length : this.#kept.filter(({ at }) => now - at >= SETTLED_MS).length
    const out = this.#kept.splice(0, old).flatMap(({ what }) => what)
    this.points -= this.#sizeOf(out)
    return isNew ? { settled: [], gone: out } : { settled: out, gone: [] }
  }

  #sizeOf(what: readonly T[]): number {
    return what.reduce((sum, one) => sum + this.#size(one), 0)
  }
}
