import { expect, test } from 'bun:test'
import { overdueAfter } from './rhythm.ts'

test('a sample is missing after two of its rhythm, and a few seconds for what is late', () => {
  expect([0.1, 60, 195].map((rhythm) => overdueAfter(rhythm))).toEqual([5.2, 125, 395])
  expect([60, 600].map((rhythm) => overdueAfter(rhythm, 180))).toEqual([180, 1205])
})
