import { expect, spyOn, test } from 'bun:test'
import { fitting } from './filters.ts'
import { Retained } from './retained.ts'

test.each([
  ['#', 'a/b', true],
  ['#', '$SYS/a', false],
  ['+/a', '$SYS/a', false],
  ['$SYS/#', '$SYS/a', true],
  ['a/#', 'a', true],
  ['a/#', 'ab', false],
  ['a/+', 'a', false],
  ['a/+', 'a/', true],
  ['a/+/c', 'a/b/c', true],
  ['a/+', 'a/b/c', false],
  ['a/b', 'a/b', true],
  ['a/b/c', 'a/b', false],
])('filter %s, topic %s: %p', (filter, topic, expected) => {
  expect(fitting([filter])(topic)).toBe(expected)
})

test('of many filters one that fits is enough, and none stands in the way of another', () => {
  const fits = fitting(['o/a/x', 'o/+/y/#', 'o/a', '$o/#'])
  expect(['o/a/x', 'o/a/y', 'o/b/y/z/1', 'o/a', '$o/1'].map(fits)).toEqual([true, true, true, true, true])
  expect(['o/a/z', 'o/b/x', 'o', 'o/a/x/1', '$p/1', 'p/a'].some(fits)).toBeFalse()
  expect(fitting([])('o')).toBeFalse()
})

test('what is retained is looked through once for a thousand filters', async () => {
  const retained = new Retained('observatory')
  for (let n = 0; n < 200; n++) await retained.storeRetained({ topic: `o/a/last/f${n}`, payload: 'x' })
  const filters = Array.from({ length: 1000 }, (_, n) => `o/z${n}/+/+`)
  using split = spyOn(String.prototype, 'split')
  const found = await Array.fromAsync(retained.createRetainedStreamCombi([...filters, 'o/a/last/f7']))
  expect(found).toHaveLength(1)
  expect(split.mock.calls.length).toBeLessThan(2000)
})
