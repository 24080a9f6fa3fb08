import { expect, test } from 'bun:test'
import { curveText, greatestStep, steps } from './curve.ts'
import { summarize } from './statistics.ts'

test('what grows is told by the greatest step, not by the ends', () => {
  expect(greatestStep([100, 10, 30])).toBe(3)
  expect(greatestStep([8, 4, 1])).toBe(0.5)
})

test('steps are within a round; one that lacks a size has none', () => {
  const curve = [
    [1, 10, undefined],
    [2, 10, 5],
    [6, 10, 5],
  ]
  expect(steps(curve)).toEqual([3, 1])
  expect(steps([])).toEqual([])
})

test('a curve has a bar for each size, the highest where it is', () => {
  const curve = [[96], [24, 30, 27], [14]].map(summarize)
  expect(curveText(curve, 'µs')).toBe('96.0 → 27.0 → 14.0 µs █▃▂')
  expect(curveText([undefined, summarize([2])], 'µs')).toBe('– → 2.00 µs  █')
})
