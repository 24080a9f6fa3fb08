import { UsageError } from '../errors.ts'

const MINUTE = 60
const DAY = 1440 * MINUTE

/** Seconds in each unit: Graphite's, Grafana's `m` and `M`, and the field's `min`. */
const UNITS: readonly (readonly [RegExp, number])[] = [
  [/^(s|sec|second)s?$/i, 1],
  [/^M$/, 30 * DAY],
  [/^(m|min|minute)s?$/i, MINUTE],
  [/^(h|hour)s?$/i, 60 * MINUTE],
  [/^(d|day)s?$/i, DAY],
  [/^(w|week)s?$/i, 7 * DAY],
  [/^(mon|month)s?$/i, 30 * DAY],
  [/^(y|year)s?$/i, 365 * DAY],
]

/** Converts a count of a unit (`1.5`, `h`) to seconds; undefined for an unknown unit. */
export function inSeconds(count: string, unit: string): number | undefined {
  const seconds = UNITS.find(([spelling]) => spelling.test(unit))?.[1]
  return seconds === undefined ? undefined : Number(count) * seconds
}

/**
 * Converts a flag's value to seconds: `90`, `10min`, `2h`.
 * @param limits whether 0 is allowed, and the maximum
 * @throws UsageError for anything else
 */
export function secondsOf(flag: string, text: string, { zero = false, most = Infinity } = {}): number {
  const [, count, unit = 's'] = /^(\d+(?:\.\d+)?) ?([a-z]*)$/i.exec(text) ?? []
  const seconds = count === undefined ? undefined : inSeconds(count, unit || 's')
  if (seconds !== undefined && (zero || seconds > 0) && seconds <= most) return seconds
  throw new UsageError(`${flag} takes a time such as 90, 10min or 2h, given "${text}"`)
}
