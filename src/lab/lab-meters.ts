import type { Bus } from '../bus/bus.ts'
import { channels } from '../core/channels.ts'
import type { Wire } from '../core/wire.ts'

/** Seconds over which rates are averaged. */
const WINDOW_S = 10

/** The rate of counts over the last 10 s. */
export class Meter {
  readonly #counts: { readonly at: number; readonly count: number }[] = []
  readonly #began: number

  /** @param now monotonic s */
  constructor(now: number) {
    this.#began = now
  }

  add(count: number, now: number): void {
    this.#counts.push({ at: now, count })
    while ((this.#counts[0]?.at ?? now) < now - WINDOW_S) this.#counts.shift()
  }

  /** Per second; null until the first count or 10 s have passed, because a scanner pauses for seconds. */
  rate(now: number): number | null {
    const from = now - WINDOW_S
    const sum = this.#counts.reduce((all, { at, count }) => (at < from ? all : all + count), 0)
    if (sum === 0 && from < this.#began) return null
    return sum / Math.max(0.1, Math.min(WINDOW_S, now - this.#began))
  }
}

/** Follows how fast the agents of a lab publish and which fields have no value, until disposed. */
export class LabMeters implements AsyncDisposable {
  readonly #began = performance.now() / 1000
  readonly #rates = new Map<string, Meter>()
  readonly #newest = new Map<string, number>()
  /** Fields without a value, by instance. */
  readonly #nothing = new Map<string, Set<string>>()
  #subscriptions: AsyncDisposable[] = []

  static async open(bus: Bus, root: string): Promise<LabMeters> {
    const meters = new LabMeters()
    const feed = await bus.subscribe(channels.feed, { root }, ({ t, data }, { instance, feed }) => {
      for (const [field, values] of Object.entries(data))
        meters.#has(instance, `${feed}.${field}`, values.at(-1))
      meters.#meter(instance).add(t.length, performance.now() / 1000)
      meters.#seen(instance, t.at(-1))
    })
    const last = await bus.subscribe(
      channels.last,
      { root },
      ({ timestamp, ...values }, { instance, feed }) => {
        for (const [field, value] of Object.entries(values)) meters.#has(instance, `${feed}.${field}`, value)
        meters.#seen(instance, typeof timestamp === 'number' ? timestamp : undefined)
      },
    )
    meters.#subscriptions = [feed, last]
    return meters
  }

  /** Samples a second; null while unknown. */
  rate(instance: string): number | null {
    const meter = this.#rates.get(instance) ?? new Meter(this.#began)
    return meter.rate(performance.now() / 1000)
  }

  /** Time of an instance's newest sample, unix s; undefined before the first. */
  newest(instance: string): number | undefined {
    return this.#newest.get(instance)
  }

  /** Fields of an instance whose newest sample is not a number, as `FEED.FIELD`. */
  withoutValue(instance: string): readonly string[] {
    return [...(this.#nothing.get(instance) ?? [])].sort((a, b) =>
      a.localeCompare(b, 'en', { numeric: true }),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const subscription of this.#subscriptions) await subscription[Symbol.asyncDispose]()
  }

  #meter(instance: string): Meter {
    const known = this.#rates.get(instance) ?? new Meter(this.#began)
    this.#rates.set(instance, known)
    return known
  }

  #has(instance: string, field: string, value: Wire | undefined): void {
    const fields = this.#nothing.get(instance) ?? new Set()
    this.#nothing.set(instance, fields)
    if (value === 'NaN' || value === null) fields.add(field)
    else fields.delete(field)
  }

  #seen(instance: string, time: number | undefined): void {
    if (time !== undefined) this.#newest.set(instance, Math.max(time, this.#newest.get(instance) ?? 0))
  }
}
