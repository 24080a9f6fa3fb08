import { expect, test } from 'bun:test'
import { median, pairedRatios, quantile, short, summarize } from './statistics.ts'

test('the middle of an odd and of an even number of values, in any order', () => {
  expect(median([9, 1, 4])).toBe(4)
  expect(median([9, 1, 4, 6])).toBe(5)
  expect(median([])).toBeNaN()
})

test('numbers are sorted as numbers', () => {
  expect(median([100, 20, 3])).toBe(20)
  expect(quantile([100, 20, 3], 0)).toBe(3)
})

test('p99 of a hundred values is the greatest, p50 the upper of the middle', () => {
  const hundred = Array.from({ length: 100 }, (_, i) => i + 1)
  expect(quantile(hundred, 0.99)).toBe(100)
  expect(quantile(hundred, 0.5)).toBe(51)
  expect(quantile(hundred, 1)).toBe(100)
})

test('a summary has least, middle and greatest, and says of how many', () => {
  expect(summarize([3, 1, 2])).toEqual({ min: 1, median: 2, max: 3, rounds: 3 })
  expect(summarize([])).toBeUndefined()
})

test('ratios are those of the rounds, not of the medians', () => {
  expect(pairedRatios([10, 100, 30], [5, 200, 10])).toEqual([2, 0.5, 3])
})

test('a round that lacks a side, or divides by nothing, has no ratio', () => {
  expect(pairedRatios([10, undefined, 30, 1], [5, 1, undefined, 0])).toEqual([2])
})

test('three digits, whatever the size', () => {
  const shown = [0, 0.00123, 0.0456, 0.456, 4.567, 45.67, 456.7, 4567, 45_678, 456_789, 4_567_890].map(short)
  expect(shown).toEqual([
    '0',
    '0.0012',
    '0.0456',
    '0.456',
    '4.57',
    '45.7',
    '457',
    '4567',
    '45.7k',
    '457k',
    '4.57M',
  ])
  expect(short(Number.NaN)).toBe('–')
})
