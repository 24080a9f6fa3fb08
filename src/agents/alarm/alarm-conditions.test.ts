import { expect, test } from 'bun:test'
import { judge, Slope } from './alarm-conditions.ts'

const says = { says: 'T is', units: 'K' }

test('beyond a limit is bad, back beyond where it is over is good, and between them neither', () => {
  const limits = { low: 2, high: 5, clear_high: 4.5, clear_low: 2.2 }
  const found = [1.99, 2, 2.2, 3, 4.5, 4.51, 5, 5.01].map((value) => judge(limits, value, says).is)
  expect(found).toEqual(['bad', 'between', 'good', 'good', 'good', 'between', 'between', 'bad'])
  expect(judge({ high: 5 }, 5.0123456, says)).toEqual({
    is: 'bad',
    text: 'T is 5.0123 K, above 5 K',
    value: 5.0123456,
  })
  expect(judge({ low: -5 }, -Infinity, says).text).toBe('T is -Infinity K, below -5 K')
  expect(judge({ low: 1 }, Number.NaN, says).is).toBe('unknown')
})

test('a slope is that of the line through the window, per minute', () => {
  const slope = new Slope(60)
  for (let t = 0; t <= 29; t++) slope.add(1e9 + t, 4 + 0.05 * t)
  expect(slope.perMinute).toBeUndefined()
  for (let t = 30; t <= 60; t++) slope.add(1e9 + t, 4 + 0.05 * t)
  expect(slope.perMinute).toBeCloseTo(3, 6)
  for (let t = 61; t <= 130; t++) slope.add(1e9 + t, 7)
  expect(slope.perMinute).toBeCloseTo(0, 6)
})

test('noise of many samples does not make a slope; a clock set back begins anew', () => {
  const slope = new Slope(10)
  for (let i = 0; i < 20_000; i++) slope.add(1e9 + i / 1000, 4 + (i % 2 === 0 ? 1 : -1))
  expect(Math.abs(slope.perMinute ?? Infinity)).toBeLessThan(0.01)
  slope.add(1e9 - 3600, 4)
  expect(slope.perMinute).toBeUndefined()
  slope.add(1e9 - 3590, Number.NaN)
  expect(slope.perMinute).toBeUndefined()
})
