import { expect, test } from 'bun:test'
import { checksum } from './checksum.ts'

const bytes = Uint8Array.from({ length: 1000 }, (_, i) => (i * 7919) >> 3)

/** Bit by bit, following the definition of the polynomial. */
function byDefinition(data: Uint8Array): number {
  let sum = 0
  for (const byte of data) {
    sum ^= byte
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0x82f63b78 : 0)
  }
  return sum >>> 0
}

test('is CRC-32C of RFC 3720 when begun and ended inverted', () => {
  expect(~checksum(new TextEncoder().encode('123456789'), 0xffffffff) >>> 0).toBe(0xe3069283)
})

test('any length at any alignment agrees with the definition', () => {
  for (let start = 0; start < 9; start++)
    for (let length = 0; length < 40; length++) {
      const part = bytes.subarray(start, start + length)
      expect(checksum(part)).toBe(byDefinition(part))
    }
})

test('continues where another left off', () => {
  for (const cut of [0, 1, 13, 500, 1000])
    expect(checksum(bytes.subarray(cut), checksum(bytes.subarray(0, cut)))).toBe(checksum(bytes))
})
