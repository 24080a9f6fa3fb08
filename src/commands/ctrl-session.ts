/** Sessions as people read them. */
import { OpCode, type OpSession } from '../core/ops.ts'

const CODE_NAMES = Object.fromEntries(
  Object.entries(OpCode).map(([name, code]) => [code, name.toLowerCase()]),
)

/** `running`, `succeeded`, `degraded`, …: OCS's name of an op code. */
export function codeName(code: number): string {
  return CODE_NAMES[code] ?? '?'
}

/** The latest message that says more than the status, on one line. */
export function lastMessage({ messages }: Pick<OpSession, 'messages'>): string {
  const [, text] = messages.findLast(([, said]) => !said.startsWith('Status is now')) ?? []
  return printable(text ?? '')
}

/** Text of others without line ends and control characters, which would play with the terminal. */
export function printable(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll(/\p{Cc}/gu, '')
}

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
