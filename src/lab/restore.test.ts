import { expect, test } from 'bun:test'
import { restoreData, restoreRow } from './restore.ts'

test('what travels as text in a number’s place is a number again', () => {
  expect(restoreData({ a: ['NaN', 'Infinity', '-Infinity', '-0', 'text', 4] })).toEqual({
    a: [Number.NaN, Infinity, -Infinity, -0, 'text', 4],
  })
  expect(restoreRow(undefined, { block: 'b', t: [1], data: { x: ['-0'] } } as never).values).toEqual({
    x: [-0],
  })
})
