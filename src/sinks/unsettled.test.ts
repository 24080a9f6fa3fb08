import { expect, test } from 'bun:test'
import { Unsettled } from './unsettled.ts'

const none = { settled: [], gone: [] }

test('what was answered has settled after half a minute of the same life, in its order', () => {
  const unsettled = new Unsettled<string>((text) => text.length)
  expect(unsettled.isDue(0)).toBe(true)
  expect(unsettled.seen('a', 0)).toEqual(none)
  unsettled.add(['x', 'yy'], 1000)
  unsettled.add(['z'], 2000)
  expect([unsettled.points, unsettled.isDue(30_999), unsettled.isDue(31_000)]).toEqual([4, false, true])
  expect(unsettled.seen('a', 31_000)).toEqual({ settled: ['x', 'yy'], gone: [] })
  expect([unsettled.points, unsettled.isDue(31_000)]).toEqual([1, false])
  expect(unsettled.seen('a', 32_000)).toEqual({ settled: ['z'], gone: [] })
  expect(unsettled.points).toBe(0)
})

test('another life has lost what had not settled, however old it is', () => {
  const unsettled = new Unsettled<string>(() => 1)
  unsettled.seen('a', 0)
  unsettled.add(['x'], 1000)
  unsettled.add(['y', 'z'], 2000)
  expect(unsettled.seen('b', 60_000)).toEqual({ settled: [], gone: ['x', 'y', 'z'] })
  expect(unsettled.points).toBe(0)
  expect(unsettled.seen('b', 60_001)).toEqual(none)
})
