import { expect, test } from 'bun:test'
import type { FeedDeclaration, Row } from '../core/channels.ts'
import type { FeedSpec } from '../core/feed-spec.ts'
import { FeedWriter } from './feed.ts'

function writer(spec: Partial<FeedSpec<never>> = {}) {
  const rows: Omit<Row, 'seq'>[] = []
  const declarations: FeedDeclaration[] = []
  const bad: string[] = []
  const told: string[] = []
  const epochs: string[] = []
  const blocks = { temps: { T: { units: 'K' }, ok: { type: 'bool' as const } } }
  const feed = new FeedWriter({ help: '', record: true, blocks, ...spec } as FeedSpec<never>, 'X', {
    row: (declaration, row) => {
      declarations.push(declaration)
      rows.push(row)
    },
    message: () => {},
    outOfRange: () => {},
    quarantined: (reason, isNew) => {
      bad.push(reason)
      if (isNew) told.push(reason)
    },
    declared: () => {},
    newEpoch: (reason) => epochs.push(reason),
  })
  return { feed, rows, declarations, bad, told, epochs }
}

test('a time that runs back begins an epoch, one that stands still does not; blocks run each for itself', () => {
  const { feed, rows, epochs } = writer()
  feed.publish('temps', 10, { T: 1, ok: true })
  feed.publish('temps', 10, { T: 2, ok: true })
  feed.publish('other', 5, { x: 1 })
  feed.publish('temps', 11, { T: 3, ok: true })
  feed.publish('other', 6, { x: 1 })
  feed.publish('temps', 9, { T: 4, ok: true })
  feed.publish('other', 1, { x: 1 })
  expect(epochs).toEqual(['new block other: x', 'the clock stepped back'])
  expect(new Set(rows.map(({ epoch }) => epoch)).size).toBe(3)
  expect(rows.slice(-2).map(({ epoch }) => epoch)).toEqual([rows[5]?.epoch ?? '', rows[5]?.epoch ?? ''])
})

test('a field has the rhythm of its feed unless it says its own; what the instrument says of it is asked anew', () => {
  const blocks = { temps: { T: { units: 'K', resolution: 0.1 }, R: { rhythm: 195 } } }
  const { feed, epochs } = writer({ blocks, rhythm: (({ every }: { every: number }) => every) as never })
  expect(feed.declaration.blocks['temps']?.['T']).toEqual({ type: 'double', units: 'K', resolution: 0.1 })
  feed.connected({ every: 2 })
  expect(feed.declaration.blocks['temps']).toEqual({
    T: { type: 'double', units: 'K', resolution: 0.1, rhythm: 2 },
    R: { type: 'double', rhythm: 195 },
  })
  feed.publish('temps', 1, { T: 1, R: 1 })
  feed.connected({ every: 2 })
  expect(epochs).toEqual([])
  feed.connected({ every: 3 })
  expect(epochs).toHaveLength(1)
})

test('a row is of the declaration it was published under; a field nobody declared begins an epoch, once', () => {
  const { feed, rows, declarations, epochs } = writer()
  feed.publish('temps', 1, { T: 1, ok: true })
  feed.publish('temps', 2, { T: 1, ok: true, extra: 'a' })
  feed.publish('temps', 3, { T: 1, ok: true, extra: 'b' })
  expect(epochs).toHaveLength(1)
  expect(rows.map(({ epoch }) => epoch === rows[0]?.epoch)).toEqual([true, false, false])
  expect(declarations.map(({ blocks }) => Object.keys(blocks['temps'] ?? {}))).toEqual([
    ['T', 'ok'],
    ['T', 'ok', 'extra'],
    ['T', 'ok', 'extra'],
  ])
})

test('a double that is missing is null; a value or name that does not fit costs itself, and is told once by its kind', () => {
  const { feed, rows, bad, told, epochs } = writer()
  feed.publish('temps', 1, { ok: true })
  expect(rows[0]?.data).toEqual({ T: [null], ok: [true] })
  const wrong: [number | number[], Record<string, unknown>, unknown][] = [
    [2, { T: 'warm', ok: true }, { T: [null], ok: [true] }],
    [2, { T: 'hot', ok: true }, { T: [null], ok: [true] }],
    [2, { T: null, ok: true }, { T: [null], ok: [true] }],
    [2, { T: undefined, ok: true }, { T: [null], ok: [true] }],
    [2, { T: Object.create(null), ok: true }, { T: [null], ok: [true] }],
    [[2, 3], { T: [1, undefined], ok: [true, true] }, { T: [1, 'NaN'], ok: [true, true] }],
    [[3, 4], { T: [1], ok: [true, true] }, { T: [null, null], ok: [true, true] }],
    [5, { T: 1, ok: true, 'a b': 1 }, { T: [1], ok: [true] }],
    [5, { T: 1, ok: true, extra: {} }, { T: [1], ok: [true] }],
    [
      5,
      JSON.parse('{"T": 1, "ok": true, "__proto__": 1}') as Record<string, unknown>,
      { T: [1], ok: [true] },
    ],
  ]
  for (const [t, values, data] of wrong) {
    feed.publish('temps', t, values as never)
    expect(rows.at(-1)?.data).toEqual(data as never)
  }
  expect([rows.length, bad.length, epochs]).toEqual([1 + wrong.length, wrong.length, []])
  expect(told).toEqual([
    'temps: T: warm is not of type double',
    'temps: "a b" is not a field name',
    'temps: extra: object is not of type double',
    'temps: "__proto__" is not a field name',
  ])
})

test('a message whose time, block or least value is missing is left out, and nothing is changed by it', () => {
  const { feed, rows, bad, epochs } = writer()
  feed.publish('temps', 1, { T: 1, ok: true })
  const wrong: [number | number[], Record<string, unknown>][] = [
    [2, { T: 1 }],
    [2, { T: 1, ok: 'yes' }],
    [[3, 2], { T: [1, 1], ok: [true, true] }],
    [[2, undefined as never], { T: [1, 1], ok: [true, true] }],
    [Number.NaN, { T: 1, ok: true }],
  ]
  for (const [t, values] of wrong) feed.publish('temps', t, values as never)
  feed.publish('__proto__', 2, { x: 1 })
  expect([bad.length, rows.length, epochs]).toEqual([wrong.length + 1, 1, []])
  feed.publish('temps', 1, { T: Number.NaN, ok: false })
  expect(rows[1]).toMatchObject({ epoch: rows[0]?.epoch, data: { T: ['NaN'], ok: [false] } })
})

test('what stands for a value that could not be read is declared, and travels in its place only', () => {
  const { feed, rows, declarations } = writer({
    blocks: { a: { n: { type: 'int', unread: -1 }, s: { type: 'string', unread: '' } } },
  })
  feed.publish('a', 1, { n: 1.5, s: 'x' })
  feed.publish('a', [2, 3], { n: [1, 1.5], s: ['x', 'y'] })
  feed.publish('a', 4, { n: 4 })
  feed.publish('a', 5, { n: 1.5, s: 7 })
  expect(rows.map(({ data }) => data)).toEqual([
    { n: [-1], s: ['x'] },
    { n: [1, -1], s: ['x', 'y'] },
    { n: [4], s: [''] },
  ])
  expect(declarations[0]?.blocks['a']).toEqual({ n: { type: 'int' }, s: { type: 'string' } })
})

test('an integer has no minus zero; a double has', () => {
  const { feed, rows } = writer({ blocks: { a: { n: { type: 'int' }, x: {} } } })
  feed.publish('a', 1, { n: -0, x: -0 })
  expect(rows[0]?.data).toEqual({ n: [0], x: ['-0'] })
  expect(Object.is(rows[0]?.data['n']?.[0], 0)).toBe(true)
})

test('names that are none cost their fields, not the declaration', () => {
  const { feed, rows, declarations, told } = writer({
    blocks: () => ({ heaters: { '0': {}, 'pump speed': {}, good: { units: 'K' } }, ' x': { a: {} } }),
  })
  expect(() => feed.connected({})).not.toThrow()
  feed.publish('heaters', 1, { '0': 1, 'pump speed': 2, good: 3 })
  feed.publish(' x', 1, { a: 1 })
  expect(rows.map(({ data }) => data)).toEqual([{ good: [3] }])
  expect(declarations[0]?.blocks).toEqual({ heaters: { good: { type: 'double', units: 'K' } } })
  expect(told.length).toBe(4)
})

test('names that every object has are names of fields and blocks like others', () => {
  const { feed, rows, bad } = writer()
  feed.publish('temps', 1, { T: 1, ok: true, constructor: 2, toString: 3 } as never)
  feed.publish('valueOf', 1, { x: 1 })
  feed.publish('temps', 2, { T: 1, ok: true } as never)
  expect(bad).toEqual([])
  expect(rows[0]?.data).toEqual({ T: [1], ok: [true], constructor: [2], toString: [3] } as never)
  expect(rows[1]?.data).toEqual({ x: [1] })
  expect(rows[2]?.data).toEqual({ T: [1], ok: [true], constructor: [null], toString: [null] } as never)
})
