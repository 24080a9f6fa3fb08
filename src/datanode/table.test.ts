import { expect, test } from 'bun:test'
import { Table } from './table.ts'

const values = (table: Table, start = -Infinity, end = Infinity) => {
  const slice = table.slice('T', start, end)
  return Array.from(slice?.t ?? [], (t, i) => [t, slice?.values[i]])
}
const filled = (times: readonly number[], now = 100) => {
  const table = new Table(100, { now: () => now })
  table.declare('T', 'number')
  for (const t of times) table.add(t, () => t * 10)
  return table
}

test('a slice has both of its ends', () => {
  expect(values(filled([1, 2, 3, 4, 5]), 2, 4)).toEqual([
    [2, 20],
    [3, 30],
    [4, 40],
  ])
  expect(values(filled([1, 2]), 3, 4)).toEqual([])
  expect(values(filled([1, 2]), 2, 1)).toEqual([])
})

test('a sample that comes late is put in its place, and equal times keep their order', () => {
  const table = filled([1, 5, 3, 4, 2])
  expect(values(table).map(([t]) => t)).toEqual([1, 2, 3, 4, 5])
  table.add(3, () => 31)
  table.add(6, () => 60)
  expect(values(table, 3, 6)).toEqual([
    [3, 30],
    [3, 31],
    [4, 40],
    [5, 50],
    [6, 60],
  ])
})

test('old samples go with time, also while none are added', () => {
  let now = 100
  const table = new Table(10, { now: () => now })
  table.declare('T', 'number')
  for (let t = 0; t < 100; t++) table.add(t, () => t)
  expect(values(table).map(([t]) => t)).toEqual([90, 91, 92, 93, 94, 95, 96, 97, 98, 99])
  now = 108
  expect(values(table).map(([t]) => t)).toEqual([98, 99])
  now = 200
  expect(table.newest).toBeUndefined()
})

test('room is bounded by time and by number', () => {
  let now = 0
  const timed = new Table(1000, { now: () => now })
  timed.declare('T', 'number')
  for (; now < 50_000; now++) timed.add(now, () => now)
  expect(timed.count(-Infinity, Infinity)).toBe(1000)
  expect(values(timed).at(-1)).toEqual([49_999, 49_999])

  const many = new Table(Infinity, { maxRows: 2048 })
  many.declare('T', 'number')
  many.declare('text', 'string')
  for (let t = 0; t < 100_000; t++) many.add(t, (name) => (name === 'T' ? t : `at ${t}`))
  expect(many.count(-Infinity, Infinity)).toBeLessThanOrEqual(2048)
  expect(many.count(-Infinity, Infinity)).toBeGreaterThan(1500)
  expect(values(many).at(-1)).toEqual([99_999, 99_999])
  expect(many.slice('text', 99_998, 99_998)?.values).toEqual(['at 99998'])
})

test('a new column has no values before it, one of another kind begins anew', () => {
  const table = filled([1, 2])
  table.declare('ok', 'bool')
  table.add(3, (name) => (name === 'T' ? 30 : true))
  expect([...(table.slice('ok', 1, 3)?.values ?? [])]).toEqual([Number.NaN, Number.NaN, 1])
  table.declare('T', 'string')
  expect(table.slice('T', 1, 3)?.values).toEqual([null, null, null])
  expect(table.slice('nothing', 1, 3)).toBeUndefined()
})

test('the interval is the usual step, not the longest', () => {
  expect(filled([1, 2, 3, 50, 51, 52]).interval).toBe(1)
  expect(filled([1]).interval).toBeNull()
})

test('random insertions come out as sorting would have them', () => {
  let seed = 7
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed / 2_147_483_647
  }
  const table = new Table(Infinity, { maxRows: 1 << 16 })
  table.declare('T', 'number')
  const model: [number, number][] = []
  for (let i = 0; i < 5000; i++) {
    const t = Math.floor(random() * 1000)
    table.add(t, () => i)
    model.push([t, i])
    if (i % 500 === 0) expect(values(table).length).toBe(i + 1)
  }
  expect(values(table)).toEqual(model.sort(([a, x], [b, y]) => a - b || x - y))
})

test('the newest sample is told without letting go of what a question under way may still read', () => {
  let now = 100
  const table = new Table(10, { now: () => now })
  table.declare('T', 'number')
  for (const t of [90, 95, 100]) table.add(t, () => t)
  const first = table.slice('T', 0, 200, 100)
  now = 101
  expect(table.newest).toBe(100)
  expect(table.slice('T', 0, 200, 100)?.t.length).toBe(first?.t.length ?? 0)
  now = 111
  expect(table.newest).toBeUndefined()
})
