import { expect, test } from 'bun:test'
import type { AlarmView } from '../../core/alarms.ts'
import { bad, between, bookOn, good, ruleOf, unknown } from './alarm.test-aid.ts'
import { KeptBook } from './alarm-store.ts'

const FIELD = 'ls240.temperatures.Channel_1_T'
const rule = ruleOf('limit', { field: FIELD, high: 5 })
const latched = ruleOf('limit', { field: FIELD, high: 5, latch: true })
const slow = ruleOf('limit', { field: FIELD, high: 5, delay: 10 })

test('it is raised once, stays raised between the limits, and is over once', () => {
  const { book, changes, state } = bookOn()
  for (const verdict of [good, bad, bad, between, bad, between, unknown]) book.update(rule, FIELD, verdict)
  expect([changes, state()]).toEqual([['raised warm'], 'active'])
  for (const verdict of [good, good, between]) book.update(rule, FIELD, verdict)
  expect([changes, state()]).toEqual([['raised warm', 'cleared warm'], 'clear'])
  book.update(rule, FIELD, bad)
  expect(book.list()[0]).toMatchObject({ state: 'active', count: 2, value: 9, text: 'it is warm' })
})

test('it has to be wrong for the whole delay, without a pause', () => {
  const { book, changes, pass, state } = bookOn()
  book.update(slow, FIELD, bad)
  pass(9.9)
  book.update(slow, FIELD, bad)
  expect([changes, state()]).toEqual([[], 'pending'])
  book.update(slow, FIELD, between)
  expect(state()).toBe('clear')
  book.update(slow, FIELD, bad)
  pass(5)
  book.update(slow, FIELD, unknown)
  pass(5)
  book.update(slow, FIELD, bad)
  expect([changes, state()]).toEqual([['raised warm'], 'active'])
})

test('a latched alarm stays until it is acknowledged; wrong again meanwhile it is the same one', () => {
  const { book, changes, state, pass } = bookOn()
  book.update(latched, FIELD, bad)
  book.update(latched, FIELD, good)
  expect([changes, state()]).toEqual([['raised warm', 'latched warm'], 'latched'])
  book.update(latched, FIELD, bad)
  expect([changes.length, state(), book.list()[0]?.count]).toEqual([2, 'active', 1])
  book.update(latched, FIELD, good)
  pass(60)
  expect(book.acknowledge('warm', 'maya', 'pump restarted')).toEqual(['warm'])
  expect([changes.at(-1), state()]).toEqual(['cleared warm', 'clear'])
  expect(book.recent).toEqual([
    { name: 'warm', severity: 'alarm', text: 'it is warm', count: 1, raised: 1000, ended: 1000 },
  ])
})

test('acknowledged while it is still wrong, a latched alarm ends by itself', () => {
  const { book, state } = bookOn()
  book.update(latched, FIELD, bad)
  book.acknowledge('all', 'maya', '')
  expect(book.list()[0]).toMatchObject({
    state: 'active',
    acknowledged: { by: 'maya', text: '', time: 1000 },
  })
  book.update(latched, FIELD, good)
  expect(state()).toBe('clear')
  book.update(latched, FIELD, bad)
  expect(book.list()[0]?.acknowledged).toBeNull()
})

test('silenced by its name, its rule or all, until then', () => {
  const { book, pass } = bookOn()
  const many = ruleOf('limit', { field: 'ls240.*', high: 5 })
  const name = `warm/${FIELD}`
  book.update(many, FIELD, bad)
  for (const which of [name, 'warm', 'all']) {
    expect(book.isSilenced(name)).toBe(false)
    book.silence(which, 60)
    expect(book.isSilenced(name)).toBe(true)
    pass(30)
    book.unsilence(which)
  }
  const until = book.silence('warm', 60)
  expect((book.list()[0] as AlarmView).silenced_until).toBe(until)
  expect(book.endSilences()).toBe(false)
  pass(60)
  expect([book.isSilenced(name), book.endSilences()]).toEqual([false, true])
})

test('names that are none are refused with the nearest', () => {
  const { book } = bookOn()
  book.know(rule, FIELD)
  expect(() => book.acknowledge('wram', 'maya', '')).toThrow('no alarm "wram": did you mean "warm"?')
  expect(() => book.acknowledge('warm', 'maya', '')).toThrow('warm is not raised')
  expect(() => book.acknowledge('all', 'maya', '')).toThrow('nothing is raised')
  expect(() => book.silence('quark', 1)).toThrow('no alarm "quark": there are warm')
  expect(() => book.unsilence('warm')).toThrow('warm is not silenced by that name')
})

test('what is kept makes the same alarms in another process: nothing is raised twice, no delay begins anew', () => {
  const first = bookOn()
  const slowest = ruleOf('agent', { name: 'gone', agent: 'ls240', delay: 10 })
  const held = ruleOf('limit', { name: 'held', field: FIELD, high: 5, latch: true })
  first.book.update(rule, FIELD, bad)
  first.book.update(held, FIELD, bad)
  first.book.update(held, FIELD, good)
  first.book.update(slowest, 'ls240', bad)
  first.book.silence('held', 60)
  first.pass(6)
  const kept = KeptBook.parse(JSON.parse(JSON.stringify(first.book.kept)))

  const second = bookOn(6000)
  second.book.restore(kept, [rule, held, slowest])
  expect(second.book.list()).toEqual(first.book.list())
  expect(second.book.isSilenced('held')).toBe(true)
  second.book.update(rule, FIELD, bad)
  second.pass(4)
  second.book.update(slowest, 'ls240', bad)
  expect(second.changes).toEqual(['raised gone'])
  second.book.update(rule, FIELD, good)
  expect(second.changes).toEqual(['raised gone', 'cleared warm'])
})

test('of a rule that is gone, or watches something else, nothing is left', () => {
  const first = bookOn()
  first.book.update(rule, FIELD, bad)
  const second = bookOn()
  second.book.restore(first.book.kept, [
    ruleOf('limit', { field: 'ls240.temperatures.Channel_2_T', high: 5 }),
  ])
  expect(second.book.list()).toEqual([])
})

test('the worst is listed first', () => {
  const { book } = bookOn()
  const named = (name: string, more = {}) => ruleOf('limit', { name, field: FIELD, high: 5, ...more })
  for (const one of [named('a'), named('b', { severity: 'warning' }), named('c'), named('d', { delay: 5 })])
    book.update(one, FIELD, bad)
  book.know(named('e'), FIELD)
  book.acknowledge('a', 'maya', '')
  expect(book.list().map(({ name }) => name)).toEqual(['c', 'b', 'a', 'd', 'e'])
})
