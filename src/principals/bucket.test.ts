import { expect, test } from 'bun:test'
import { Bucket, OfEach } from './bucket.ts'

test('a bucket gives what is in it, and fills again by its rate, no further than its most', () => {
  let now = 0
  const bucket = new Bucket(10, 20, () => now)
  expect([bucket.take(20), bucket.take(1)]).toEqual([true, false])
  now = 500
  expect([bucket.take(6), bucket.take(5), bucket.take(1)]).toEqual([false, true, false])
  now = 100_000
  expect([bucket.take(21), bucket.take(20)]).toEqual([false, true])
})

test('of too many the one that was asked for longest ago is begun anew', () => {
  let made = 0
  const numbers = new OfEach(2, () => ++made)
  expect(['a', 'b', 'a', 'c', 'a', 'b'].map((key) => numbers.of(key))).toEqual([1, 2, 1, 3, 1, 4])
})
