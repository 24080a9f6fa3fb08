import { expect, test } from 'bun:test'
import { countedText, growth } from '../../../test/effort.ts'
import { braces, glob } from '../../core/glob.ts'
import { plainNames } from '../../grafana/plain-names.ts'

test('odd characters become "_"; a plain name keeps itself, the others that would become it get digits', () => {
  expect([...plainNames(['diode.t1 (K)', 'x'])]).toEqual([
    ['diode_t1__K_', 'diode.t1 (K)'],
    ['x', 'x'],
  ])
  const names = plainNames(['a.b', 'a b', 'a_b'])
  expect(names.get('a_b')).toBe('a_b')
  const others = [...names].filter(([name]) => name !== 'a_b')
  expect(others.map(([, original]) => original)).toEqual(['a b', 'a.b'])
  for (const [name] of others) expect(name).toMatch(/^a_b_[0-9a-f]{4}$/)
})

test('a name depends on neither the order nor who else is there, but for the one that is plain', () => {
  const forwards = plainNames(['a.b', 'a b', 'a-b', 'Ω', '°'])
  expect(new Map(plainNames(['°', 'Ω', 'a-b', 'a b', 'a.b']))).toEqual(new Map(forwards))
  expect(forwards.size).toBe(5)
  const dotted = (list: string[]) => [...plainNames(list)].find(([, original]) => original === 'a.b')?.[0]
  expect(dotted(['a.b', 'a b'])).toBe(dotted(['a.b', 'a_b', 'a-b']))
})

test('names with digits of their own do not clash with names that look like them', () => {
  const taken = [...plainNames(['a.b', 'a b'])].map(([name]) => name)
  const names = plainNames(['a.b', 'a b', ...taken])
  expect(names.size).toBe(4)
  expect(new Set(names.values()).size).toBe(4)
})

test('braces are written out', () => {
  expect(braces('x.{a,b{1,2}}')).toEqual(['x.a', 'x.b1', 'x.b2'])
  expect(braces('{a,b}.{c,d}')).toEqual(['a.c', 'a.d', 'b.c', 'b.d'])
  expect(braces('{}')).toEqual([''])
  expect(braces('{a}')).toEqual(['a'])
  expect(braces('a,b')).toEqual(['a,b'])
  expect(braces('{a,b')).toEqual(['{a,b'])
  expect(braces('a}{b')).toEqual(['a}{b'])
  expect(braces('{a,{b,c}')).toEqual(['{a,b', '{a,c'])
})

test('patterns', () => {
  for (const [pattern, yes, no] of [
    ['*', ['', 'a'], []],
    ['a*c', ['ac', 'abc', 'acc'], ['ab', 'acb']],
    ['?', ['a'], ['', 'ab']],
    ['[a-c]x', ['ax', 'cx'], ['dx', '-x']],
    ['[!a-c]x', ['dx'], ['ax']],
    ['[]]', [']'], ['[']],
    ['a[b', ['a[b'], ['ab']],
    ['*_T*', ['Channel_1_T'], ['Channel_1_V']],
  ] as const) {
    for (const text of yes) expect([pattern, text, glob(pattern)(text)]).toEqual([pattern, text, true])
    for (const text of no) expect([pattern, text, glob(pattern)(text)]).toEqual([pattern, text, false])
  }
})

test('no pattern takes long', () => {
  expect(braces(`${'{a,b}'.repeat(10)}${'{c}'.repeat(5000)}`)).toHaveLength(1)
  for (const text of [
    (times: number) => '{'.repeat(times),
    (times: number) => '{a,b}'.repeat(times),
    (times: number) => `${'{'.repeat(times)}a,b${'}'.repeat(times)}`,
  ]) {
    expect(braces(text(9000)).length).toBeLessThanOrEqual(1000)
    // If proportional it is 10, if quadratic 100.
    expect(growth((times) => braces(text(times)), 1000)).toBeLessThan(40)
  }
  const { text, looks } = countedText('a'.repeat(600).concat('b'))
  expect(glob('*a'.repeat(300))(text)).toBe(false)
  expect(looks()).toBeLessThanOrEqual(600 * 601)
}, 300_000)
