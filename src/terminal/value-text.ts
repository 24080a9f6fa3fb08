/** Longest summary of data, in characters. */
const BRIEF = 100

/**
 * The few single values at the top of session data, on one line; lists and maps, such as a process's
 * readings, are left to `ocs ctrl status`.
 */
export function briefly(data: unknown): string {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return ''
  const single = Object.entries(data).filter(
    ([key, value]) => key !== 'timestamp' && value !== null && typeof value !== 'object',
  )
  const text = onOneLine(Object.fromEntries(single))
  return text.length > BRIEF ? `${text.slice(0, BRIEF)}…` : text
}

/** Session data, a row, any JSON on one line: `target=4.2 reached=true fields.Channel_1=3.98`. */
export function onOneLine(data: unknown, name = ''): string {
  if (typeof data === 'object' && data !== null && !Array.isArray(data)) {
    const inside = Object.entries(data).map(([key, value]) => onOneLine(value, name ? `${name}.${key}` : key))
    return inside.filter((text) => text !== '').join(' ')
  }
  const value =
    typeof data === 'number' && !Number.isInteger(data)
      ? // A time keeps its milliseconds; a reading has six digits.
        String(Number(Math.abs(data) > 1e6 ? data.toFixed(3) : data.toPrecision(6)))
      : (JSON.stringify(data) ?? '')
  return name ? `${name}=${value}` : value
}
