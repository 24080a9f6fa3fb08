import { expect, test } from 'bun:test'
import { countedText } from '../../test/effort.ts'
import { substitution } from './graphite/functions.ts'
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

test('what is not understood is refused', () => {
  for (const source of [
    '(',
    ')',
    'a)',
    '[a',
    '*',
    'a**',
    '\\',
    '(?=a)',
    '\\k',
    'a{200}{200}',
    '(?:){999}'.repeat(3),
  ]) {
    expect(() => linearRegex(source)).toThrow(SyntaxError)
  }
  expect(() => linearRegex(`${'('.repeat(60)}${')'.repeat(60)}`)).toThrow('nested too deep')
})

test('no expression takes long', () => {
  for (const [source, steps] of [
    ['(a+)+$', 5],
    ['(a|a)*b', 5],
    ['(a*)*b', 5],
    ['(.*)(.*)(.*)(.*)x', 10],
    ['(?:a?){100}a{100}b', 300],
  ] as const) {
    const { text, looks } = countedText(`${'a'.repeat(660)}!`)
    expect(linearRegex(source)(text)).toBeUndefined()
    expect(looks()).toBeLessThanOrEqual(steps * 661)
  }
})

test('replacing', () => {
  expect(substitution('(^.*$)', '\\1 A')('LSA21OQ.Channel_1_T')).toBe('LSA21OQ.Channel_1_T A')
  expect(substitution('a', 'b')('banana')).toBe('bbnbnb')
  expect(substitution('x*', '-')('ab')).toBe('-a-b-')
  expect(substitution('(a)|(b)', '[\\1\\2\\9]')('ab')).toBe('[a][b]')
  expect(substitution('b', '\\\\ $& \\q')('abc')).toBe('a\\ $& \\qc')
})
