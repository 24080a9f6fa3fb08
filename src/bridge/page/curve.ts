import { type Sampling, withGaps } from '../../core/rhythm.ts'
import type { Cell } from './shape.ts'

/** The samples of one metric that the page has, in time order (unix s). */
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

  /**
   * Since when the newest samples have no number: null if all have none; undefined while the newest has a
   * value.
   */
  get nothingSince(): number | null | undefined {
    const had = this.values.findLastIndex((value) => value !== null)
    if (had === this.values.length - 1) return undefined
    return had < 0 ? null : this.t[had + 1]
  }

  /** Adds live samples; known ones are skipped. Returns the seconds between old and new. */
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

  /** Replaces the past; live samples after it stay. */
  replace(t: readonly number[], values: readonly Cell[]): void {
    const end = t.at(-1) ?? -Infinity
    const from = this.t.findIndex((time) => time > end)
    const [liveT, liveValues] = from < 0 ? [[], []] : [this.t.slice(from), this.values.slice(from)]
    this.t = [...t, ...liveT]
    this.values = [...values, ...liveValues]
  }

  /** Drops samples older than a time, except the newest. */
  trim(oldest: number): void {
    const keep = this.t.findIndex((time) => time >= oldest)
    const count = keep < 0 ? this.t.length - 1 : keep
    // Not every time: removing from the front moves everything after it.
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

  /** Times and numbers to draw from a time on, with an empty place where the curve must be interrupted. */
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
