import { UsageError } from '../errors.ts'

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  m: 1e6,
  g: 1e9,
  t: 1e12,
  ki: 2 ** 10,
  mi: 2 ** 20,
  gi: 2 ** 30,
  ti: 2 ** 40,
}

/**
 * The number of bytes in a flag's value: `500000`, `10MB`, `2.5 GiB`.
 * @throws UsageError for anything else, and for zero
 */
export function bytesOf(flag: string, text: string): number {
  const [, count = '', unit = ''] = /^(\d+(?:\.\d+)?) ?([kmgt]?i?)b?$/i.exec(text) ?? []
  const bytes = Number(count) * (UNITS[unit.toLowerCase()] ?? Number.NaN)
  if (bytes > 0) return bytes
  throw new UsageError(`${flag} takes bytes such as 500kB, 10MB or 2GiB, given "${text}"`)
}

/** A number of bytes, for people: `512 B`, `4.2 MB`. */
export function bytesText(bytes: number): string {
  for (const [unit, size] of [
    ['TB', 1e12],
    ['GB', 1e9],
    ['MB', 1e6],
    ['kB', 1e3],
  ] as const)
    if (bytes >= size) return `${(bytes / size).toFixed(1)} ${unit}`
  return `${bytes} B`
}
