/** The meaning of the bits of a status, by value: `{ 1: 'invalid', 16: 'below its curve' }`. */
export type Bits = Readonly<Record<string, string>>

/** A status in words: all bits that are set, `ok` if none is, `not read` if negative. */
export function bitsText(value: number, bits: Bits): string {
  if (value < 0) return 'not read'
  const set = Object.entries(bits).filter(([bit]) => isSet(value, Number(bit)))
  const rest = value - set.reduce((sum, [bit]) => sum + Number(bit), 0)
  const words = [...new Set(set.map(([, word]) => word)), ...(rest > 0 ? [String(rest)] : [])]
  return words.length === 0 ? 'ok' : words.join(', ')
}

/** Whether a bit is set, for values up to 2^53: bitwise operators only take 32 bits. */
function isSet(value: number, bit: number): boolean {
  return bit > 0 && Math.floor(value / bit) % 2 === 1
}
