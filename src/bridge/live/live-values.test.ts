import { afterEach, expect, jest, spyOn, test } from 'bun:test'
import type { DataAnswer } from '../../core/data-node.ts'
import { liveValues } from './live-values.ts'

afterEach(() => {
  jest.useRealTimers()
  jest.restoreAllMocks()
})

test('a sample becomes JSON once, for however many pages watch it, and each hears of what it watches', async () => {
  jest.useFakeTimers()
  const now = Date.now() / 1000
  const answer = {
    fields: { T1: { timeline: 'temps' }, T2: { timeline: 'temps' } },
    timeline: { temps: { t: [now - 1, now] } },
    data: { T1: [0.123456789, 4], T2: [1, Number.NaN] },
  } as unknown as DataAnswer
  const node = { name: 'N', away: false }
  using live = liveValues({ find: () => node, data: async () => answer } as never)
  const written = spyOn(JSON, 'stringify')
  const heard: string[][] = [[], [], []]
  for (const [i, metrics] of [['N::T1', 'N::T2'], ['N::T2', 'N::T1'], ['N::T2']].entries())
    live.watch((parts) => heard[i]?.push(parts)).want(metrics)
  jest.advanceTimersByTime(400)
  for (let turn = 0; turn < 10; turn++) await Promise.resolve()
  expect(written.mock.results.filter(({ value }) => String(value).includes('0.123456789'))).toHaveLength(1)
  const t = [now - 1, now]
  const both = [{ t, values: { 'N::T1': [0.123456789, 4], 'N::T2': [1, null] } }]
  const one = [{ t, values: { 'N::T2': [1, null] } }]
  expect(heard.flat().map((parts) => JSON.parse(parts))).toEqual([both, both, one])
})
