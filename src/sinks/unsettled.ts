/** Points that a database has answered for, and that are not on its disk for sure. */

/**
 * Milliseconds after which a database that has not ended since has on disk what it answered for. VictoriaMetrics gathers rows for
 * 2 s, and looks every 5 s (`-inmemoryDataFlushInterval`) for parts that have been in memory for 5 s and that no merge has in
 * hand: 12 to 17 s, and the time that a busy disk takes.
 */
const SETTLED_MS = 30_000

/** Keeps what was answered until it has settled, and gives back what an end of the database may have taken. */
export class Unsettled<T> {
  readonly #size: (one: T) => number
  #kept: { readonly at: number; readonly what: readonly T[] }[] = []
  #life: string | undefined
  /** Points that are kept. */
  points = 0

  /** @param size points of one */
  constructor(size: (one: T) => number) {
    this.#size = size
  }

  /** Whether the database is to be asked which life of its own it is in: nothing is known of it, or something is old enough. */
  isDue(now: number): boolean {
    const [oldest] = this.#kept
    return this.#life === undefined || (oldest !== undefined && now - oldest.at >= SETTLED_MS)
  }

  /** The database has answered, at a time (ms) after which the answer came. */
  add(what: readonly T[], now: number): void {
    this.#kept.push({ at: now, what })
    this.points += this.#sizeOf(what)
  }

  /**
   * The database was in this life at a time (ms) before which it said so: what has settled by then, and what may be gone, each
   * in its order.
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
