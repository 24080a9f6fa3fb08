/**
 * Reads a decimal number as instruments and logs write it (`+77.3500`, `-1.0E-03`); undefined for anything
 * else, such as `0x10` or `4,5`.
 */
export function decimalOf(text: string): number | undefined {
  const value = /^[+-]?(\d+\.?\d*|\.\d+)(E[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN
  return Number.isFinite(value) ? value : undefined
}
