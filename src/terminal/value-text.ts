/** Lengths of time and values as people read them. */

/** A length of time: `0.4 s`, `12 s`, `3 min 5 s`, `2 h 4 min`, `3 d 2 h`. */
export function duration(seconds: number): string {
  const s = Math.max(0, seconds)
  if (s < 9.95) return `${s.toFixed(1)} s`
  const whole = Math.round(s)
  const [days, hours, minutes] = [Math.floor(whole / 86400), Math.floor(whole / 3600), Math.floor(whole / 60)]
  if (days > 0) return `${days} d ${hours % 24} h`
  if (hours > 0) return `${hours} h ${minutes % 60} min`
  return minutes > 0 ? `${minutes} min ${whole % 60} s` : `${whole} s`
}

/** Session data, a row, any JSON on one line: `target=4.2 reached=true fields.Channel_1=3.98`. */
export function onOneLine(data: unknown, name = ''): string {
  if (typeof data === 'object' && data !== null && !Array.isArray(data)) {
    const inside = Object.entries(data).map(([key, value]) => onOneLine(value, name ? `${name}.${key}` : key))
    return inside.filter((text) => text !== '').join(' ')
  }
  const value =
    typeof data === 'number' && !Number.isInteger(data)
      ? // A time keeps its milliseconds, a reading six digits.
        String(Number(Math.abs(data) > 1e6 ? data.toFixed(3) : data.toPrecision(6)))
      : (JSON.stringify(data) ?? '')
  return name ? `${name}=${value}` : value
}
