import { UsageError } from '../errors.ts'

/** Seconds that a flag's words mean: `90`, `10min`, `2h`. @throws UsageError */
export function secondsOf(flag: string, text: string): number {
  const [, number = '', unit = 's'] = /^(\d+(?:\.\d+)?) ?(s|min|h)?$/.exec(text) ?? []
  const seconds = Number(number) * ({ s: 1, min: 60, h: 3600 }[unit] ?? Number.NaN)
  if (seconds > 0) return seconds
  throw new UsageError(`${flag} takes a time such as 90, 10min or 2h, given "${text}"`)
}
