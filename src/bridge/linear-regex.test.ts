import { expect, test } from 'bun:test'
import { growth } from '../../test/effort.ts'
import { substitution } from './graphite/naming.ts'
import { linearRegex } from './linear-regex.ts'

test('matches what the engine of the language matches, groups and all', () => {
  const sources = [
    '^.*$',
    '(a|ab)(c|bcd)(d*)',
    'a+?b',
    '(a*)(a|b)*',
    '[^a-c]+',
    'a{2,3}',
    'a{2}',
    'a{1,}?',
    '\\bb\\w',
    '(?:a|b)+c?',
  ]
  sources.push(
    'x*',
    '(a)|(b)',
    '\\d+(\\.\\d+)?',
    '[\\d.]+$',
    'a??b',
    '^$',
    '(a?){3}',
    '[]a]',
    '[a-]',
    '.\\.',
    '((a)|b)+',
  )
  const texts = [
    '',
    'a',
    'ab',
    'abcd',
    'aaa',
    'aab',
    'bbac',
    'b a',
    '12.5 K',
    'x]',
    'Channel_1_T',
    'a-b',
    'aaaab',
    'abab',
  ]
  for (const source of sources) {
    for (const text of texts) {
      // In an empty class and in a repeated group the language differs from Perl and Python.
      if (source === '[]a]' || source === '((a)|b)+' || source === '(a?){3}' || source === '(a*)(a|b)*')
        continue
      const found = new RegExp(source, 'd').exec(text)
      const wanted = found?.indices?.flatMap((pair) => pair ?? [-1, -1])
      expect([source, text, linearRegex(source)(text)]).toEqual([source, text, wanted])
    }
  }
  expect(linearRegex('[]a]+')('x]a')).toEqual([1, 3])
})

test('what is not understood is refused, and why', () => {
  for (const [source, why] of [
    ['(', 'missing closing )'],
    ['a)', 'unexpected )'],
    ['[a', 'missing closing ]'],
    ['a**', 'invalid nested repetition'],
    ['(?=a)', 'unsupported'],
    ['(a)\\1', 'invalid escape sequence'],
    ['a'.repeat(501), 'longer than 500 characters'],
    ['(x{100}){10}'.repeat(2), 'too long with its repetitions'],
    ['((a?){100}){10}'.repeat(33), 'too long with its repetitions'],
  ] as const) {
    expect(() => linearRegex(source)).toThrow(SyntaxError)
    expect(() => linearRegex(source)).toThrow(why)
  }
})

/** Letters of the shorter text. */
const LETTERS = 5000

test('no expression takes longer than in proportion to its text', () => {
  // Each text has the end of the expression, but too early: otherwise no engine would have to look at all of
  // it.
  for (const [source, end, text] of [
    ['(a+)+$', '', 'a'],
    ['(a|a)*b$', 'b', 'a'],
    ['(a*)*b$', 'b', 'a'],
    ['(.*)(.*)(.*)(.*)x$', 'x', 'a'],
    ['(?:a?){100}a{100}b$', 'b', 'a'],
    ['([ab]*)a([ab]{12})c$', 'c', 'ab'],
  ] as const) {
    const find = linearRegex(source)
    // If it were quadratic in the text it would be 100.
    const cost = growth((size) => {
      expect(find(`${end}${text.repeat(size)}!`)).toBeUndefined()
    }, LETTERS)
    expect([source, cost < 40]).toEqual([source, true])
  }
})

test('replacing', () => {
  expect(substitution('(^.*$)', '\\1 A')('LSA21OQ.Channel_1_T')).toBe('LSA21OQ.Channel_1_T A')
  expect(substitution('a', 'b')('banana')).toBe('bbnbnb')
  expect(substitution('x*', '-')('ab')).toBe('-a-b-')
  expect(substitution('(a)|(b)', '[\\1\\2\\9]')('ab')).toBe('[a][b]')
  expect(substitution('b', '\\\\ $& \\q')('abc')).toBe('a\\ $& \\qc')
})

test('what the engine of the language writes otherwise or not at all', () => {
  expect(linearRegex('(?i)KELVIN')('4 kelvin')).toEqual([2, 8])
  expect(linearRegex('(?P<plate>\\pL+)')('4 µK')).toEqual([2, 4, 2, 4])
  expect(linearRegex('\\Bb')('b ab')).toEqual([3, 4])
})
