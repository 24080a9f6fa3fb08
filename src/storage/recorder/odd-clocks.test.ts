/** Rows whose clocks are wrong, jump or run back: each row is judged by itself, and recorded at its time. */

import { afterEach, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { seeded } from '../../../test/random.ts'
import { entry } from '../g3/frame.ts'
import { secondsFrom } from '../g3/time.ts'
import { audit } from './audit.ts'
import { disk } from './disk.ts'
import {
  cleanUp,
  data,
  declaration,
  filesIn,
  framesOf,
  record,
  recorded,
  sent,
  T0,
  TestEpoch,
  writeExpected,
} from './recorder.test-aid.ts'

afterEach(cleanUp)

const declared = declaration({ a: { x: 'double' }, b: { y: 'string' } })

/** Where times run back within a provider's block in a file: so3g then returns nothing from it. */
function backward(dir: string): string[] {
  return filesIn(dir).flatMap((path) => {
    const ends = new Map<string, number>()
    return framesOf(readFileSync(join(dir, path))).frames.flatMap((frame) => {
      const names = entry(frame, 'block_names', 'G3VectorString')?.value ?? []
      const blocks = entry(frame, 'blocks', 'G3VectorFrameObject')?.value ?? []
      return blocks.flatMap((block, at) => {
        if (block?.kind !== 'G3TimesampleMap') return []
        const key = `${path} ${entry(frame, 'prov_id', 'G3Int')?.value} ${names[at]}`
        const before = ends.get(key) ?? -Infinity
        const times = [...secondsFrom(block.times)]
        ends.set(key, times.at(-1) ?? before)
        const all = [before, ...times]
        return all.some((time, i) => time < (all[i - 1] ?? -Infinity)) ? [key] : []
      })
    })
  })
}

/** Records rows of block `a` at these times, in frames of 60 s, and checks that every one is found. */
async function recordAt(times: readonly (readonly number[])[], flush = 50) {
  const dir = data()
  const { recorder, said } = await record(dir, { frameLength: 60 })
  const epoch = new TestEpoch('feed', 'e1', declared)
  for (const [n, t] of times.entries()) {
    epoch.add('a', [...t], { x: t.map((_, i) => n + i / 100) })
    epoch.add('b', [T0 + n], { y: [`row ${n}`] })
  }
  for (
    let all = false;
    !all;
    all = recorder.counters.rows + recorder.counters.quarantined >= epoch.rows.length
  ) {
    epoch.feed(recorder, flush)
    await recorder.flush()
  }
  await recorder[Symbol.asyncDispose]()
  expect(backward(dir)).toEqual([])
  expect((await audit(disk, dir)).epochs).toMatchObject([{ missing: [], doubled: [] }])
  return { dir, epoch, recorder, told: said.filter((text) => text.startsWith('warning clock')) }
}

const steady = (count: number, from = T0) => Array.from({ length: count }, (_, i) => [from + i])
const FAR = 9e9

test.each<[string, number[][], number, overlaps?: boolean]>([
  ['one far in the future', [...steady(60), [FAR], ...steady(60, T0 + 60)], 1],
  ['many far in the future, one by one', steady(60).flatMap((t, i) => [t, [FAR + i]]), 59],
  ['one of 1970', [...steady(60), [3], ...steady(60, T0 + 60)], 1],
  ['a clock that is set back by a minute', [...steady(200), ...steady(200, T0 + 140)], 1, true],
  [
    'a clock that is set back for ever again',
    [0, 1, 2, 3, 4, 5].flatMap((n) => steady(100, T0 + 10 * n)),
    5,
    true,
  ],
  [
    'times that are out of order by a little',
    steady(300).map(([t = 0], i) => [t + (i % 2) * 1.5]),
    149,
    true,
  ],
  ['times that are out of order within a row', [[T0 + 2, T0, T0 + 1], ...steady(60, T0 + 3)], 1],
])(
  '%s: every row is recorded, and so3g finds each file in order',
  async (_, times, back, overlaps = false) => {
    const { dir, epoch, recorder, told } = await recordAt(times)
    expect(recorded(dir)).toEqual(sent([epoch]))
    expect(recorder.counters).toMatchObject({ quarantined: 0, clock_back: back })
    expect(told.length).toBe(1)
    expect(filesIn(dir).length).toBeLessThanOrEqual(8)
    // From files that overlap in time so3g reads everything, but only part of it in a narrow window (decision
    // 0005).
    if (!overlaps) writeExpected(dir, [epoch])
  },
)

test('a time that no file can be named by costs its own row alone', async () => {
  const { dir, epoch, recorder } = await recordAt([...steady(5), [1e12], ...steady(5, T0 + 5)])
  epoch.rows.splice(10, 1)
  expect(recorded(dir)).toEqual(sent([epoch]))
  expect(recorder.counters).toMatchObject({ quarantined: 1, clock_back: 0 })
})

test('clocks that do anything: every row is recorded, and each file is in order', async () => {
  const seed = Math.floor(1e6 * Math.random())
  const random = seeded(seed)
  let now = T0
  const times = Array.from({ length: 1500 }, () => {
    if (random() < 0.02) now += (random() - 0.5) * 10 ** (1 + 6 * random())
    return Array.from({ length: 1 + Math.floor(3 * random()) }, () => {
      now += random()
      return Math.round(1e4 * (now + (random() < 0.1 ? 5 * (random() - 0.5) : 0))) / 1e4
    })
  })
  const { dir, epoch } = await recordAt(times, 1 + Math.floor(300 * random()))
  expect(recorded(dir), `seed ${seed}`).toEqual(sent([epoch]))
})
