import type { Counts } from '../core/counter-help.ts'

/** The counters of a process; see `core/counter-help.ts`. */
export class Counters {
  readonly #own = new Map<string, number>()
  readonly #sources = new Set<() => Counts>()

  add(name: string, by = 1): void {
    this.#own.set(name, (this.#own.get(name) ?? 0) + by)
  }

  /** Adds counters kept elsewhere; disposing freezes their values. */
  source(read: () => Counts): Disposable {
    this.#sources.add(read)
    return {
      [Symbol.dispose]: () => {
        if (!this.#sources.delete(read)) return
        for (const [name, count] of Object.entries(read())) this.add(name, count)
      },
    }
  }

  /** All counters with their present values. */
  get all(): Record<string, number> {
    const all: Record<string, number> = Object.fromEntries(this.#own)
    for (const read of this.#sources) {
      for (const [name, count] of Object.entries(read())) all[name] = (all[name] ?? 0) + count
    }
    return all
  }
}
