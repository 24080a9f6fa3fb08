import { expect, test } from 'bun:test'
import type { FeedDeclaration, Row } from '../core/channels.ts'
import { LiveCache } from './live-cache.ts'
import { getData, getFields } from './queries.ts'

const NOW = Date.now() / 1000

test('when a field comes in other units its samples of before go by these, and no curve has two', () => {
  const cache = new LiveCache('lab', 'ls', undefined, 3600)
  const from = { instance: 'ls', feed: 'temps', spool: 's' }
  let n = 0
  const take = (epoch: string, units: string, values: readonly number[]) => {
    const declaration: FeedDeclaration = {
      ...{ agent_class: 'A', record: true, frame_length: 60 },
      blocks: { b: { T: { type: 'double', units }, other: { type: 'double', units: 'Pa' } } },
    }
    const rows = values.map(
      (T, i): Row => ({ epoch, seq: i + 1, block: 'b', t: [NOW - 100 + n++], data: { T: [T], other: [T] } }),
    )
    cache.rows({ ...from, epoch }, declaration, rows)
  }
  const shown = () => {
    const { fields } = getFields(cache, { start: NOW - 1000, end: NOW })
    const { data } = getData(cache, { fields: Object.keys(fields), start: NOW - 1000, end: NOW })
    return Object.fromEntries(
      Object.entries(fields).map(([name, { units, source }]) => {
        const values = [...(data[name] ?? [])].filter((value) => !Number.isNaN(value))
        return [name, [units, source?.split('.').at(-1), values]]
      }),
    )
  }
  take('e1', 'V', [1.1, 1.2])
  take('e2', 'K', [4.1, 4.2])
  expect(shown()).toEqual({
    other: ['Pa', 'other', [1.1, 1.2, 4.1, 4.2]],
    T: ['K', 'T', [4.1, 4.2]],
    T_in_V: ['V', 'T_in_V', [1.1, 1.2]],
  })
  take('e3', 'V', [1.3])
  expect(shown()).toEqual({
    other: ['Pa', 'other', [1.1, 1.2, 4.1, 4.2, 1.3]],
    T: ['V', 'T', [1.3]],
    T_in_V: ['V', 'T_in_V', [1.1, 1.2]],
    T_in_K: ['K', 'T_in_K', [4.1, 4.2]],
  })
})
