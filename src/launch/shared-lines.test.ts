import { expect, test } from 'bun:test'
import { readShared, SharedTold } from './shared-lines.ts'

test.each([
  ['{"instance":"ls240","log":"half a li', undefined],
  ['a word of a library', undefined],
  ['{"instance":"ls240"}', undefined],
  ['{"instance":"ls240","code":3}', { instance: 'ls240', code: 3 }],
])('of the line %s', (text, told) => expect(readShared(SharedTold, text)).toEqual(told))
