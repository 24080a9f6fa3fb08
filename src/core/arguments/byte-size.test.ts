import { expect, test } from 'bun:test'
import { bytesOf, bytesText } from './byte-size.ts'

test.each([
  ['500000', 500_000],
  ['10MB', 10e6],
  ['2.5 GiB', 2.5 * 2 ** 30],
  ['500k', 500_000],
  ['1T', 1e12],
])('%s are %d bytes', (text, bytes) => {
  expect(bytesOf('--limit', text)).toBe(bytes)
})

test.each(['', '0', '-1', 'MB', '10 parsecs', '1e6', '10MBs'])('"%s" is refused', (text) => {
  expect(() => bytesOf('--limit', text)).toThrow(/--limit takes bytes such as/)
})

test('bytes are told in words', () => {
  expect([0, 512, 4_200_000, 3.5e12].map(bytesText)).toEqual(['0 B', '512 B', '4.2 MB', '3.5 TB'])
})
