import { overdueAfter } from '../../core/rhythm.ts'
import type { Cell } from './shape.ts'

/** Where no rhythm is declared: long steps between samples after which a curve is not joined, and seconds, at least. */
const HOLE_STEPS = 4
const HOLE_SECONDS = 5
/** Of all steps, as many are no longer than a long one: a scanner comes back to each channel after many short ones. */
const LONG_STEP = 0.97

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

  /**
   * Times and numbers to draw from a time on, with an empty place where the curve must not be joined.
   * @param rhythm declared seconds between two samples; of the past every so many are there
   */
  drawn(from: number, rhythm: number | null = null): [t: number[], values: (number | null)[]] {
    const steps = this.t.slice(1).map((time, i) => time - (this.t[i] ?? 0))
    steps.sort((a, b) => a - b)
    const step = (share: number) => steps[Math.floor(steps.length * share)] ?? 0
    const longest =
      rhythm === null
        ? Math.max(HOLE_SECONDS, HOLE_STEPS * step(LONG_STEP))
        : overdueAfter(Math.max(rhythm, step(0.5)))
    const t: number[] = []
    const values: (number | null)[] = []
    for (const [i, time] of this.t.entries()) {
      if (time < from) continue
      const before = t.at(-1)
      if (before !== undefined && time - before > longest) {
        t.push((before + time) / 2)
        values.push(null)
      }
      t.push(time)
      values.push(numeric(this.values[i]))
    }
    return [t, values]
  }
}

function numeric(value: Cell | undefined): number | null {
  if (typeof value === 'boolean') return value ? 1 : 0
  return typeof value === 'number' ? value : null
}
