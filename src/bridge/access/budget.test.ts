import { expect, test } from 'bun:test'
import { Hono } from 'hono'
import { braces } from '../../core/glob.ts'
import { readTarget } from '../../lab/targets.ts'
import { budgets, costOf, withinBudget } from './budget.ts'
import type { Env } from './guard.ts'

test('what it costs to write alternatives out is about what they are long', () => {
  for (const text of [
    'N.field',
    'N.{a,b}',
    'N.{a,b{1,2}}',
    'N.{a,b}_{c,d,e}',
    `N.{${'Channel_1,'.repeat(200)}x}`,
  ]) {
    const long = braces(text).join('').length
    expect([text.slice(0, 30), costOf(text) >= long / 2, costOf(text) <= 3 * (long + text.length)]).toEqual([
      text.slice(0, 30),
      true,
      true,
    ])
  }
  expect(costOf('(a|b)'.repeat(500))).toBeGreaterThan(1_000_000)
  expect(costOf('{a,b}'.repeat(500))).toBeGreaterThan(1_000_000)
  expect(costOf('}}))||,,\\')).toBeLessThan(20)
})

test('an address that has spent its own is refused before the work; others are served', async () => {
  let now = 0
  let worked = 0
  const app = new Hono<Env>()
  app.use(withinBudget(budgets(() => now)))
  app.all('*', (c) => {
    worked++
    return c.text('')
  })
  const ask = async (address: string, path: string, body?: string) =>
    (
      await app.fetch(new Request(`http://x${path}`, body === undefined ? {} : { method: 'POST', body }), {
        address,
      })
    ).status
  const nasty = '(a|b)'.repeat(400)
  const query = JSON.stringify({ targets: Array.from({ length: 90 }, () => ({ target: nasty })) })
  const hidden = query.replaceAll('(', '\\u0028')
  const form = `/graphite/render?target=${encodeURIComponent('{a,b}'.repeat(900))}&target=${'%7Bc,d%7D'.repeat(900)}`
  expect(await ask('10.0.0.9', '/query', query)).toBe(429)
  expect(await ask('10.0.0.9', '/query', hidden)).toBe(429)
  expect(await ask('10.0.0.9', form)).toBe(429)
  expect(
    await ask('10.0.0.9', '/graphite/render', new URLSearchParams({ target: nasty.repeat(3) }).toString()),
  ).toBe(429)
  expect(worked).toBe(0)
  const dashboard = JSON.stringify({ targets: [{ target: `N::(${'Channel_1|'.repeat(200)}x)` }] })
  for (let i = 0; i < 50; i++) expect(await ask('10.0.0.9', '/query', dashboard)).toBe(200)
  expect(await ask('10.0.0.9', '/query', JSON.stringify({ target: nasty }))).toBe(200)
  expect(await ask('10.0.0.9', '/query', JSON.stringify({ target: nasty }))).toBe(429)
  expect(await ask('10.0.0.8', '/query', JSON.stringify({ target: nasty }))).toBe(200)
  now += 3000
  expect(await ask('10.0.0.9', '/query', JSON.stringify({ target: nasty }))).toBe(200)
  expect(await ask('10.0.0.9', '/query', '{"x')).toBe(200)
})

test('no more alternatives are written out than are wanted', () => {
  // Each of the 201 texts from the first half would become a thousand through the second.
  let written = 0
  const target = readTarget(`${'(a|b)'.repeat(8)}${'{a,b}'.repeat(300)}`, (text) => {
    written++
    return braces(text)
  })
  expect([target?.expanded.length, written]).toEqual([201, 1])
  expect(readTarget('N::(a|b)'.padEnd(20_000, 'x'))?.expanded).toEqual([])
})
