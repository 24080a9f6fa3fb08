/**
 * How far the bridge's clock is ahead of this machine's, s: a phone's clock may differ from the laboratory's.
 */
let ahead = 0
let known = false

/** Takes the bridge's time, unix s, as just received. The value with the least delay counts. */
export function setClock(now: number): void {
  const difference = now - Date.now() / 1000
  // A delayed message gives too small a difference; a clock that was set gives one that is far off.
  if (!known || difference > ahead || Math.abs(difference - ahead) > 5) ahead = difference
  known = true
}

/** The time by the bridge's clock, unix s. */
export function bridgeTime(): number {
  return Date.now() / 1000 + ahead
}

const two = (n: number) => String(n).padStart(2, '0')

/** The time of day in the browser's zone: `08:15:30`. */
export function clockText(time: number): string {
  const date = new Date(time * 1000)
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}

/** Month and day: `11-23`; with the year if it is not this year: `2025-11-23`. */
export function dateText(time: number): string {
  const date = new Date(time * 1000)
  const year = date.getFullYear()
  const day = `${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return year === new Date().getFullYear() ? day : `${year}-${day}`
}

/** Day and time of day: `11-23 08:15:30`; today without the day. */
export function dayText(time: number): string {
  const today = new Date().toDateString() === new Date(time * 1000).toDateString()
  return `${today ? '' : `${dateText(time)} `}${clockText(time)}`
}

/** A duration as text: `4 s`, `3 min`, `2 h`, `5 d`. */
export function durationText(seconds: number): string {
  const s = Math.max(0, Math.round(seconds))
  if (s < 120) return `${s} s`
  if (s < 7200) return `${Math.floor(s / 60)} min`
  if (s < 172_800) return `${Math.floor(s / 3600)} h`
  return `${Math.floor(s / 86_400)} d`
}

/** How long ago a time is by the bridge's clock. */
export function agoText(time: number): string {
  return durationText(bridgeTime() - time)
}
