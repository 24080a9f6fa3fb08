import { isIPv4 } from 'node:net'

/** A value in DER (ITU-T X.690): its tag, its length, and what it holds. */
function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

/** SEQUENCE */
export const sequence = (...parts: readonly Uint8Array[]): Buffer => der(0x30, ...parts)
/** SET of one */
export const set = (part: Uint8Array): Buffer => der(0x31, part)
/** OCTET STRING */
export const octets = (bytes: Uint8Array): Buffer => der(0x04, bytes)
/** BIT STRING; of a number of named bits without its trailing zeros */
export const bits = (bytes: Uint8Array, unused = 0): Buffer => der(0x03, Buffer.from([unused]), bytes)
/** UTF8String */
export const text = (value: string): Buffer => der(0x0c, Buffer.from(value))
/** BOOLEAN true */
export const yes: Buffer = der(0x01, Buffer.from([0xff]))
/** `[n]`, in place of the tag of what it holds, or around it with `whole` */
export const tagged = (n: number, content: Uint8Array, whole = false): Buffer =>
  der((whole ? 0xa0 : 0x80) + n, content)

/** INTEGER, not negative, of bytes with the greatest first */
export function integer(bytes: Uint8Array): Buffer {
  return der(0x02, (bytes[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes)
}

/** OBJECT IDENTIFIER of its dotted numbers */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const bytes = [first * 40 + second, ...rest].flatMap((number) => {
    const groups = [number & 0x7f]
    for (let left = number >> 7; left > 0; left >>= 7) groups.unshift((left & 0x7f) | 0x80)
    return groups
  })
  return der(0x06, Buffer.from(bytes))
}

/** A time to the second: UTCTime until 2049, GeneralizedTime from then on (RFC 5280 §4.1.2.5). */
export function time(date: Date): Buffer {
  const digits = `${date.toISOString().replace(/[-:T]|\.\d+/g, '')}`
  return date.getUTCFullYear() < 2050
    ? der(0x17, Buffer.from(digits.slice(2)))
    : der(0x18, Buffer.from(digits))
}

/** The bytes of an IP address, 4 or 16. */
export function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number))
  // A URL has it in one spelling, with its last part in hexadecimal, too.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const groups = (part = '') => (part === '' ? [] : part.split(':'))
  const [before, after] = [groups(head), groups(tail)]
  const all = [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after]
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex')
}
