import { expect, test } from 'bun:test'
import { scaled, shownIn, unitsBehind } from './shown-value.ts'

test.each([
  ['0.1 V', 1, { units: 'V', resolution: 0.1, factor: 0.1 }],
  ['0.1 A', null, { units: 'A', resolution: null, factor: 0.1 }],
  ['10 W', 1, { units: 'W', resolution: 10, factor: 10 }],
  ['1e-3 m/s', 5, { units: 'm/s', resolution: 0.005, factor: 1e-3 }],
  // None of these has a factor.
  ...(['V', '°C', '1/s', '2 1/s', '0 V', '0.1', '', null] as const).map(
    (units) => [units, 1, { units, resolution: 1, factor: 1 }] as const,
  ),
])('%p is shown without its factor', (units, resolution, shown) => {
  expect(shownIn({ units, resolution })).toEqual(shown)
})

test('a value keeps its digits; a number as it is recorded says what it is times of', () => {
  expect([1203, -7, 0].map((value) => scaled(value, 0.1))).toEqual([120.3, -0.7, 0])
  expect(scaled(1.5, 1)).toBe(1.5)
  expect(['0.1 V', 'V', ''].map(unitsBehind)).toEqual(['×0.1 V', 'V', ''])
})
