import { expect, test } from 'bun:test'
import type { FeedSpec } from '../core/agent.ts'
import type { FeedDeclaration, Row } from '../core/channels.ts'
import { FeedWriter } from './feed.ts'

function writer(spec: Partial<FeedSpec<never>> = {}) {
  const rows: Omit<Row, 'seq'>[] = []
  const declarations: FeedDeclaration[] = []
  const bad: string[] = []
  const epochs: string[] = []
  const blocks = { temps: { T: { units: 'K' }, ok: { type: 'bool' as const } } }
  const feed = new FeedWriter({ help: '', record: true, blocks, ...spec } as FeedSpec<never>, 'X', {
    row: (declaration, row) => {
      declarations.push(declaration)
      rows.push(row)
    },
    message: () => {},
    outOfRange: () => {},
    quarantined: (reason) => bad.push(reason),
    declared: () => {},
    newEpoch: (reason) => epochs.push(reason),
  })
  return { feed, rows, declarations, bad, epochs }
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

test('a double that is missing is null, another type is quarantined; so are misfits, and nothing is changed by them', () => {
  const { feed, rows, bad, epochs } = writer()
  feed.publish('temps', 1, { ok: true })
  expect(rows[0]?.data).toEqual({ T: [null], ok: [true] })
  const wrong: [number | number[], Record<string, unknown>][] = [
    [2, { T: 1 }],
    [2, { T: 'warm', ok: true }],
    [2, { T: null, ok: true }],
    [2, { T: undefined, ok: true }],
    [[2, 3], { T: [1, undefined], ok: [true, true] }],
    [[2, 3], { T: [1], ok: [true, true] }],
    [[3, 2], { T: [1, 1], ok: [true, true] }],
    [[2, undefined as never], { T: [1, 1], ok: [true, true] }],
    [Number.NaN, { T: 1, ok: true }],
    [2, { T: 1, ok: true, 'a b': 1 }],
    [2, JSON.parse('{"T": 1, "ok": true, "__proto__": 1}') as Record<string, unknown>],
  ]
  for (const [t, values] of wrong) feed.publish('temps', t, values as never)
  feed.publish('__proto__', 2, { x: 1 })
  expect(bad).toHaveLength(wrong.length + 1)
  expect([rows.length, epochs]).toEqual([1, []])
  feed.publish('temps', 1, { T: Number.NaN, ok: false })
  expect(rows[1]).toMatchObject({ epoch: rows[0]?.epoch, data: { T: ['NaN'], ok: [false] } })
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
