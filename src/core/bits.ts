/** What the bits of a status mean, by their values: `{ 1: 'invalid', 16: 'below its curve' }`. */
export type Bits = Readonly<Record<string, string>>

/** A status in words: all its bits, `ok` where there is none, `not read` below 0. */
export function bitsText(value: number, bits: Bits): string {
  if (value < 0) return 'not read'
  const set = Object.entries(bits).filter(([bit]) => isSet(value, Number(bit)))
  const rest = value - set.reduce((sum, [bit]) => sum + Number(bit), 0)
  const words = [...new Set(set.map(([, word]) => word)), ...(rest > 0 ? [String(rest)] : [])]
  return words.length === 0 ? 'ok' : words.join(', ')
}

/** Any value below 2^53, which is more than bitwise operators take. */
function isSet(value: number, bit: number): boolean {
  return bit > 0 && Math.floor(value / bit) % 2 === 1
}
