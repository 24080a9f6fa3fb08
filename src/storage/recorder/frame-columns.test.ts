import { expect, test } from 'bun:test'
import { cutRow } from './frame-columns.ts'

test('a row is cut at its widest gaps, and at the least into samples, however short a file may be', () => {
  expect(cutRow([1, 2, 3], 5)).toEqual([[0, 3]])
  expect(cutRow([1, 2, 3602, 3603], 10)).toEqual([
    [0, 2],
    [2, 4],
  ])
  expect(cutRow([7], -0.5)).toEqual([[0, 1]])
  expect(cutRow([7, 7], -0.5)).toEqual([
    [0, 1],
    [1, 2],
  ])
})
