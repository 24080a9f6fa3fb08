import { expect, test } from 'bun:test'
import { counted } from './counted.ts'

test('one is told as one', () => {
  expect([0, 1, 2].map((count) => counted(count, 'row'))).toEqual(['0 rows', '1 row', '2 rows'])
  expect([1, 2].map((count) => counted(count, 'row is', 'rows are'))).toEqual(['1 row is', '2 rows are'])
})
