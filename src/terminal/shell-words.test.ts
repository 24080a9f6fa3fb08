import { expect, test } from 'bun:test'
import { splitWords } from './shell-words.ts'

test.each([
  ['start fake acq', ['start', 'fake', 'acq'], false, false],
  ['  a\t b  ', ['a', 'b'], false, true],
  [`--name "4K plate" 'it''s' a\\ b`, ['--name', '4K plate', 'its', 'a b'], false, false],
  [`"a\\"b" 'c\\d'`, ['a"b', 'c\\d'], false, false],
  [`--name=""`, ['--name='], false, false],
  [`''`, [''], false, false],
  ['"open end', ['open end'], true, false],
  ['', [], false, true],
])('%s', (line, words, open, ended) => {
  expect(splitWords(line)).toEqual({ words, open, ended })
})
