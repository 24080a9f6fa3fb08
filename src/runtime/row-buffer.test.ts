import { afterEach, expect, jest, test } from 'bun:test'
import type { FeedDeclaration, Row } from '../core/channels.ts'
import { RowBuffer } from './row-buffer.ts'

const declared: FeedDeclaration = { agent_class: 'A', record: true, frame_length: 300, blocks: {} }
const row = (block: string, t: number[], epoch = 'e1') => ({
  epoch,
  block,
  t,
  data: { [block]: t.map((n) => n * 10) },
})

function buffer(seconds: number) {
  const rows: Omit<Row, 'seq'>[] = []
  return { rows, buffer: new RowBuffer(seconds, (_, one) => rows.push(one)) }
}

afterEach(() => {
  jest.useRealTimers()
})

test('without a time each row goes at once', () => {
  const { rows, buffer: on } = buffer(0)
  on.add(declared, row('a', [1]))
  on.add(declared, row('a', [2, 3]))
  expect(rows).toEqual([row('a', [1]), row('a', [2, 3])])
})

test('samples are gathered by block and sent off by time, without a further message', () => {
  jest.useFakeTimers()
  const { rows, buffer: on } = buffer(2)
  for (let t = 1; t <= 5; t++) on.add(declared, row('fast', [t]))
  on.add(declared, row('slow', [1]))
  jest.advanceTimersByTime(1999)
  expect(rows).toEqual([])
  jest.advanceTimersByTime(1)
  expect(rows).toEqual([row('fast', [1, 2, 3, 4, 5]), row('slow', [1])])
  jest.advanceTimersByTime(60_000)
  expect(rows.length).toBe(2)
  on.add(declared, row('fast', [6]))
  jest.advanceTimersByTime(2000)
  expect(rows.at(-1)).toEqual(row('fast', [6]))
})

test('what is held goes before rows of another epoch or declaration, and when it is flushed', () => {
  const { rows, buffer: on } = buffer(60)
  on.add(declared, row('a', [1]))
  on.add(declared, row('a', [2], 'e2'))
  expect(rows).toEqual([row('a', [1])])
  on.add({ ...declared }, row('a', [3], 'e2'))
  expect(rows.length).toBe(2)
  on.flush()
  expect(rows.map(({ t }) => t)).toEqual([[1], [2], [3]])
  on.flush()
  expect(rows.length).toBe(3)
})

test('a row never grows too large to send, and none is lost or out of order', () => {
  for (const seconds of [0, 60]) {
    const { rows, buffer: on } = buffer(seconds)
    const t = Array.from({ length: 25_000 }, (_, n) => n)
    for (let at = 0; at < t.length; at += 7000) on.add(declared, row('a', t.slice(at, at + 7000)))
    on.add(declared, row('a', [25_000]))
    on.flush()
    expect(rows.flatMap((one) => one.t)).toEqual([...t, 25_000])
    expect(rows.flatMap(({ data }) => data['a'] ?? [])).toEqual([...t, 25_000].map((n) => n * 10))
    expect(Math.max(...rows.map((one) => one.t.length))).toBeLessThanOrEqual(10_000)
  }
})

test('no row spans a step of the clock', () => {
  const { rows, buffer: on } = buffer(60)
  for (const t of [1, 2, 3602, 3603]) on.add(declared, row('a', [t]))
  on.flush()
  expect(rows).toEqual([row('a', [1, 2]), row('a', [3602, 3603])])
})
