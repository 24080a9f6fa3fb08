import { UsageError } from '../errors.ts'

/** Seconds of a unit. */
const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, min: 60, h: 3600, d: 86_400, w: 604_800 }

/**
 * A time as it stands on a command line, as unix s: unix seconds, `now`, `-90min`, or ISO 8601, UTC when it has no zone.
 * @throws UsageError naming the flag
 */
export function exportTime(flag: string, text: string, now: number): number {
  if (text === 'now') return now
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text)
  const [, count, unit = ''] = /^(?:now)?-(\d+(?:\.\d+)?)([a-z]+)$/.exec(text) ?? []
  const seconds = UNITS[unit]
  if (count !== undefined && seconds !== undefined) return now - Number(count) * seconds
  const iso = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:\d\d)?)?$/i.exec(text)
  const ms = iso ? Date.parse(`${iso[1]}T${iso[2] ?? '00:00'}${iso[3] ?? 'Z'}`) : Number.NaN
  if (Number.isNaN(ms)) {
    throw new UsageError(
      `${flag} ${text} is no time: 2026-11-23T08:00 (UTC), unix seconds, or -1h (s, min, h, d, w) before now`,
    )
  }
  return ms / 1000
}
