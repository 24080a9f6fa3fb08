import { type Sampling, withGaps } from '../../core/rhythm.ts'
import type { Cell } from './shape.ts'

/** The samples of one metric that the page has, in order of time (unix s). */
export class Curve {
  t: number[] = []
  values: Cell[] = []

  /** The newest sample's time. */
  get newest(): number | undefined {
    return this.t.at(-1)
  }
  get last(): Cell | undefined {
    return this.values.at(-1)
  }

  /** When the newest samples began to be no number: null when all are; undefined while the newest has a value. */
  get nothingSince(): number | null | undefined {
    const had = this.values.findLastIndex((value) => value !== null)
    if (had === this.values.length - 1) return undefined
    return had < 0 ? null : this.t[had + 1]
  }

  /** Takes what came live; what is known already is passed over. Returns the seconds that lie between old and new. */
  append(t: readonly number[], values: readonly Cell[]): number {
    const before = this.newest
    let hole = 0
    for (const [i, time] of t.entries()) {
      if (time <= (this.newest ?? -Infinity)) continue
      if (before !== undefined && hole === 0) hole = time - before
      this.t.push(time)
      this.values.push(values[i] ?? null)
    }
    return hole
  }

  /** Takes the past; what came live after it stays. */
  replace(t: readonly number[], values: readonly Cell[]): void {
    const end = t.at(-1) ?? -Infinity
    const from = this.t.findIndex((time) => time > end)
    const [liveT, liveValues] = from < 0 ? [[], []] : [this.t.slice(from), this.values.slice(from)]
    this.t = [...t, ...liveT]
    this.values = [...values, ...liveValues]
  }

  /** Lets go of what is older than a time, the newest sample excepted. */
  trim(oldest: number): void {
    const keep = this.t.findIndex((time) => time >= oldest)
    const count = keep < 0 ? this.t.length - 1 : keep
    // Not each time: taking from the front moves all that follows.
    if (count < 200 && count * 4 < this.t.length) return
    this.t.splice(0, count)
    this.values.splice(0, count)
  }

  /** The last sample at or before a time. */
  at(time: number): { readonly time: number; readonly value: Cell } | undefined {
    let [low, high] = [0, this.t.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.t[middle] ?? 0) <= time) low = middle + 1
      else high = middle
    }
    const found = this.t[low - 1]
    return found === undefined ? undefined : { time: found, value: this.values[low - 1] ?? null }
  }

  /** Times and numbers to draw from a time on, with an empty place where the curve must not be joined. */
  drawn(from: number, sampling: Sampling): [t: number[], values: (number | null)[]] {
    const [t, values] = withGaps(this.t, this.values.map(numeric), sampling)
    const first = t.findIndex((time) => time >= from)
    return first < 0 ? [[], []] : [t.slice(first), values.slice(first)]
  }
}

function numeric(value: Cell | undefined): number | null {
  if (typeof value === 'boolean') return value ? 1 : 0
  return typeof value === 'number' ? value : null
}
