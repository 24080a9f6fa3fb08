import type { RuleOf } from '../../core/alarm-rules.ts'
import { unitsBehind } from '../../core/shown-value.ts'
import type { Verdict } from './alarm-store.ts'

/** Times in a window of a rate; samples between two of them are averaged. */
const BINS = 100

type Limits = Pick<RuleOf<'limit'>, 'low' | 'high' | 'clear_low' | 'clear_high'>

/** Whether a value is beyond its limits, and a text for that. `units` may be empty. */
export function judge(
  { low, high, clear_low = low, clear_high = high }: Limits,
  value: number,
  { says, units }: { readonly says: string; readonly units: string },
): Verdict {
  const shown = (number: number) => `${digits(number)}${units && ` ${unitsBehind(units)}`}`
  const text = `${says} ${shown(value)}`
  if (Number.isNaN(value)) return { is: 'unknown', text, value }
  if (low !== undefined && value < low) return { is: 'bad', text: `${text}, below ${shown(low)}`, value }
  if (high !== undefined && value > high) return { is: 'bad', text: `${text}, above ${shown(high)}`, value }
  const isOver = value >= (clear_low ?? -Infinity) && value <= (clear_high ?? Infinity)
  return { is: isOver ? 'good' : 'between', text, value }
}

/** A number for people: five digits. */
export function digits(value: number): string {
  return String(Number(value.toPrecision(5)))
}

/** How fast a value changes: the slope of the straight line that fits the last samples best. */
export class Slope {
  readonly #window: number
  #bins: { n: number; t: number; value: number }[] = []

  /** @param window s of samples that count */
  constructor(window: number) {
    this.#window = window
  }

  /** Takes a sample; `t` in unix s. */
  add(t: number, value: number): void {
    if (!Number.isFinite(value)) return
    const last = this.#bins.at(-1)
    // After a step back of the clock nothing that was there compares.
    if (last && t < last.t / last.n) this.#bins = []
    if (last && t - last.t / last.n < this.#window / BINS) {
      Object.assign(last, { n: last.n + 1, t: last.t + t, value: last.value + value })
    } else this.#bins.push({ n: 1, t, value })
    while (this.#bins[0] && t - this.#bins[0].t / this.#bins[0].n > this.#window) this.#bins.shift()
  }

  /** Per minute; undefined while there is less than half a window of samples. */
  get perMinute(): number | undefined {
    const points = this.#bins.map(({ n, t, value }) => ({ t: t / n, value: value / n }))
    const [first, last] = [points[0], points.at(-1)]
    if (!first || !last || points.length < 3 || last.t - first.t < this.#window / 2) return undefined
    const mean = (of: (point: { t: number; value: number }) => number) =>
      points.reduce((sum, point) => sum + of(point), 0) / points.length
    const [t, value] = [mean((point) => point.t), mean((point) => point.value)]
    const spread = mean((point) => (point.t - t) ** 2)
    return (60 * mean((point) => (point.t - t) * (point.value - value))) / spread
  }
}
