import { expect, test } from 'bun:test'
import { bitsText } from './bits.ts'

const bits = { 1: 'invalid', 16: 'below its curve', 64: 'sensor out of range', 128: 'sensor out of range' }

test.each([
  [0, 'ok'],
  [-1, 'not read'],
  [16, 'below its curve'],
  [17, 'invalid, below its curve'],
  [192, 'sensor out of range'],
  [20, 'below its curve, 4'],
  [2 ** 40 + 1, `invalid, ${2 ** 40}`],
])('a status of %p is %p', (value, text) => {
  expect(bitsText(value, bits)).toBe(text)
})
