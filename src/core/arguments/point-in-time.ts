import { UsageError } from '../errors.ts'
import { inSeconds } from './time-units.ts'

/**
 * Reads a point in time from a URL or a command line: a number since 1970, `now`, `-1h`, `now-90min`,
 * `2026-11-23T08:00:00Z` (UTC without a zone), and Graphite's `08:00_20261123` and `20261123`.
 * @param unit the unit of a number, in ms
 * @returns unix ms; undefined for anything else
 */
export function readTime(text: string, unit: 1 | 1000, now = Date.now()): number | undefined {
  const given = text.trim()
  const date = /^(?:([01]\d|2[0-3]):([0-5]\d)_)?((?:19|20)\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])$/.exec(
    given,
  )
  if (date) {
    const [hour, minute, year, month, day] = date.slice(1).map((part) => Number(part ?? 0))
    return Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute)
  }
  if (/^\d{1,16}(\.\d{1,9})?$/.test(given))
    return isOther(Number(given), unit) ? undefined : within(Number(given) * unit)
  const relative = /^(?:now)?(?:([+-])(\d{1,9}(?:\.\d{1,9})?)([a-z]+))?$/i.exec(given)
  if (relative && given !== '') {
    const [, sign, count = '0', name = 's'] = relative
    const seconds = inSeconds(count, name)
    if (seconds === undefined) return undefined
    return within(now + (sign === '-' ? -1000 : 1000) * seconds)
  }
  // An unescaped plus sign in a URL arrives as a blank.
  const iso = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(Z|[+ -]\d\d:?\d\d)?)?$/i.exec(
    given,
  )
  if (!iso) return undefined
  const [, day, time = '00:00', zone = 'Z'] = iso
  return within(Date.parse(`${day}T${time}${zone.replace(' ', '+')}`))
}

/**
 * Reads a point in time from a command line, where a number means seconds.
 * @param now unix s
 * @returns unix s
 * @throws UsageError naming the flag
 */
export function timeOf(flag: string, text: string, now: number): number {
  const ms = readTime(text, 1000, 1000 * now)
  if (ms !== undefined) return ms / 1000
  throw new UsageError(
    `${flag} ${text} is not a time: write 2026-11-23T08:00 (UTC), unix seconds, or -1h (s, min, h, d, w) before now`,
  )
}

/**
 * Whether a number is probably in the other unit. Seconds of the years 1973 to 5138 read as ms fall into 1970
 * to 1973, from which nobody has data; present-day ms read as seconds fall far into the future.
 */
function isOther(number: number, unit: 1 | 1000): boolean {
  return unit === 1 ? number >= 1e8 && number < 1e11 : number >= 1e11
}

/** The time if a Date can hold it. */
function within(ms: number): number | undefined {
  return Math.abs(ms) <= 8.64e15 ? ms : undefined
}
