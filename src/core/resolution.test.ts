import { expect, test } from 'bun:test'
import { atResolution, decimalsOf } from './shown-value.ts'

test.each([
  [0.001, 3],
  [0.005, 3],
  [0.25, 2],
  [0.1, 1],
  [1, 0],
  [10, 0],
  [1e-7, 7],
])('a resolution of %p has %p decimals', (resolution, decimals) => {
  expect(decimalsOf(resolution)).toBe(decimals)
})

test.each([
  [4.2, 0.001, '4.200'],
  [300.12345, 0.001, '300.123'],
  [77, 1e-4, '77.0000'],
  [120.4, 1, '120'],
  [0, 1e-9, '0.000000'],
  [1.23456e-5, 1e-8, '1.235e-5'],
  [1.23456e-8, 1e-10, '1.23e-8'],
  [-20.25, 0.25, '-20.25'],
])('%p at a resolution of %p is %p', (value, resolution, text) => {
  expect(atResolution(value, resolution)).toBe(text)
})
