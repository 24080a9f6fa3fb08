import type { Counts } from '../core/counter-help.ts'

/** What a process counts; see `core/counters.ts`. */
export class Counters {
  readonly #own = new Map<string, number>()
  readonly #sources = new Set<() => Counts>()

  add(name: string, by = 1): void {
    this.#own.set(name, (this.#own.get(name) ?? 0) + by)
  }

  /** Has counters that somebody else keeps added to these; once disposed they stay as they are then. */
  source(read: () => Counts): Disposable {
    this.#sources.add(read)
    return {
      [Symbol.dispose]: () => {
        if (!this.#sources.delete(read)) return
        for (const [name, count] of Object.entries(read())) this.add(name, count)
      },
    }
  }

  /** All of them as they are now. */
  get all(): Record<string, number> {
    const all: Record<string, number> = Object.fromEntries(this.#own)
    for (const read of this.#sources) {
      for (const [name, count] of Object.entries(read())) all[name] = (all[name] ?? 0) + count
    }
    return all
  }
}
