import { expect, test } from 'bun:test'
import { secondsFrom, secondsFromTicks, ticksFrom, ticksFromSeconds } from './time.ts'

test('seconds become the nearest tick of 10 ns', () => {
  const cases: [number, bigint][] = [
    [0, 0n],
    [1, 100000000n],
    [0.1, 10000000n],
    [4e-9, 0n],
    [6e-9, 1n],
    [-0.5, -50000000n],
    [-1e-20, 0n],
    [1700000000, 170000000000000000n],
    [1700000000.123, 170000000012299991n],
    [0.9999999999, 100000000n],
    [2 ** 36 + 0.5, 6871947673650000000n],
    [-62135596800, -6213559680000000000n],
  ]
  for (const [seconds, ticks] of cases) expect(ticksFromSeconds(seconds)).toBe(ticks)
})

test('agrees with exact arithmetic, and today comes back bit for bit', () => {
  const seconds = Float64Array.from({ length: 5000 }, (_, i) => 1.6e9 + i * 54321.987654321)
  const ticks = ticksFrom(seconds)
  seconds.forEach((value, i) => {
    // A double of this size is a multiple of 2^-22 s.
    const exact = (BigInt(value * 2 ** 22) * 100000000n * 2n + 2n ** 22n) / 2n ** 23n
    expect(ticks[i]).toBe(exact)
  })
  expect(secondsFrom(ticks)).toEqual(seconds)
})

test('both ends of 64 bits', () => {
  expect(secondsFromTicks(2n ** 63n - 1n)).toBe(92233720368.54776)
  expect(secondsFromTicks(-(2n ** 63n))).toBe(-92233720368.54776)
  expect(secondsFromTicks(-1n)).toBe(-1e-8)
  for (const seconds of [92233720369, -92233720370, Number.NaN, Infinity, -Infinity])
    expect(() => ticksFromSeconds(seconds)).toThrow(RangeError)
})

test('ticks are taken as they are, at any offset of their buffer', () => {
  const ticks = BigInt64Array.of(5n, 100000000n, -100000000n)
  expect(ticksFrom(ticks)).toBe(ticks)
  expect([...secondsFrom(ticks.subarray(1))]).toEqual([1, -1])
})
