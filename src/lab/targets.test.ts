import { expect, test } from 'bun:test'
import { growth } from '../../test/effort.ts'
import { mayAsk } from '../machine/host-header.ts'
import { expand, readTarget } from './targets.ts'

test('what Grafana makes of variables', () => {
  expect(expand('ls240::diode\\.t1 \\(K\\)')).toEqual(['ls240::diode.t1 (K)'])
  expect(expand('n::(a|b\\.c)')).toEqual(['n::a', 'n::b.c'])
  expect(expand('(n|m)::(a|b)_T')).toEqual(['n::a_T', 'n::b_T', 'm::a_T', 'm::b_T'])
  expect(expand('(a\\|b|c\\)d)')).toEqual(['a|b', 'c)d'])
  expect(expand('()')).toEqual([''])
  expect(expand('n::(a|a)')).toEqual(['n::a'])
  expect(expand('n::a(b')).toEqual(['n::a(b'])
  expect(expand('a)\\')).toEqual(['a)\\'])
})

test('no text takes long or grows without bound', () => {
  for (const part of ['(', '(a|b)', '(|', '\\(']) {
    expect(expand(part.repeat(4000)).length).toBeLessThanOrEqual(500)
    // In proportion it is 10, as the square 100.
    expect(growth((times) => expand(part.repeat(times)), 1000)).toBeLessThan(40)
  }
}, 300_000)

test('the literal comes first; placeholders are none', () => {
  expect(readTarget('ls240::diode.t1 (K)')).toEqual({
    literal: { text: 'ls240::diode.t1 (K)', node: 'ls240', field: 'diode.t1 (K)' },
    expanded: [{ text: 'ls240::diode.t1 K', node: 'ls240', field: 'diode.t1 K' }],
  })
  expect(readTarget('n::a::b')?.literal).toEqual({ text: 'n::a::b', node: 'n', field: 'a::b' })
  for (const text of ['', '  ', 'select metric', 'undefined', undefined, null, 7, {}]) {
    expect(readTarget(text)).toBeUndefined()
  }
})

test('whom the bridge answers', () => {
  const closed = { listen: '127.0.0.1', open: false, names: [] }
  for (const host of [
    'localhost',
    'localhost:5000',
    '127.0.0.1:5000',
    '[::1]:5000',
    'LOCALHOST.',
    '127.8.8.8',
  ]) {
    expect([host, mayAsk(host, closed)]).toEqual([host, true])
  }
  for (const host of [
    undefined,
    '',
    'evil.example',
    '127.0.0.1.evil.example',
    'localhost:5000:1',
    '10.0.0.1',
    'a b',
  ]) {
    expect([host, mayAsk(host, closed)]).toEqual([host, false])
  }
  const open = { listen: '0.0.0.0', open: true, names: ['sisock_grafana_http'] }
  expect(mayAsk('10.0.0.1:5000', open)).toBe(true)
  expect(mayAsk('sisock_grafana_http:5000', open)).toBe(true)
  expect(mayAsk('evil.example', open)).toBe(false)
})
