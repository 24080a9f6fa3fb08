/** Rows that arrive hours after they were measured: few files, whatever the order. */

import { afterEach, expect, spyOn, test } from 'bun:test'
import { audit } from './audit.ts'
import { type Disk, disk } from './disk.ts'
import {
  cleanUp,
  data,
  declaration,
  filesIn,
  record,
  recorded,
  sent,
  T0,
  TestEpoch,
  writeExpected,
} from './recorder.test-aid.ts'

afterEach(cleanUp)

const DAY = 86_400
const declared = declaration({ b: { x: 'double' } })

/** A day of logs with one line per minute each: blocks in the order their rows come. */
function day(name: string, order: (rows: [log: number, minute: number][]) => [number, number][]): TestEpoch {
  const logs = Array.from({ length: 17 }, (_, log) => log)
  const blocks = Object.fromEntries(logs.map((log) => [`log${log}`, { [`x${log}`]: 'double' as const }]))
  const epoch = new TestEpoch('bluefors', name, declaration(blocks, 600))
  const rows = logs.flatMap((log) => Array.from({ length: DAY / 60 }, (_, m): [number, number] => [log, m]))
  for (const [log, minute] of order(rows))
    epoch.add(`log${log}`, [T0 + 60 * minute], { [`x${log}`]: [minute] })
  return epoch
}

test.each([
  ['log after log', (rows: [number, number][]) => rows],
  ['in the order of time', (rows: [number, number][]) => rows.toSorted((a, b) => a[1] - b[1])],
  // In the order in which their files are read: a number of lines of each at a time, some longer than others.
  ['piece by piece', (rows: [number, number][]) => rows.toSorted((a, b) => piece(a) - piece(b))],
])('a day of logs that comes at once, %s, is recorded in about a file an hour', async (_how, order) => {
  const dir = data()
  const { recorder } = await record(dir)
  const epoch = day('e1', order)
  for (let all = false; !all; ) {
    epoch.feed(recorder, 500)
    await recorder.flush()
    all = recorder.counters.rows === epoch.rows.length
  }
  await recorder[Symbol.asyncDispose]()
  expect(filesIn(dir).length).toBeLessThanOrEqual(27)
  expect(recorded(dir)).toEqual(sent([epoch]))
  expect((await audit(disk, dir)).epochs).toMatchObject([{ recorded: 17 * 1440, missing: [], doubled: [] }])
  writeExpected(dir, [epoch])
})

const piece = ([log, minute]: [number, number]) => Math.floor(minute / (90 + 20 * log))

function epoch(name: string, start = T0): TestEpoch {
  return new TestEpoch(name, name, declared).add('b', [start, start + 1], { x: [1, 2] })
}

/** The disk, with a count of its open files. */
function counting() {
  const open = { now: 0, most: 0 }
  const counted: Disk = {
    ...disk,
    async create(path) {
      const file = await disk.create(path)
      open.most = Math.max(open.most, ++open.now)
      return { ...file, close: () => file.close().finally(() => open.now--) }
    },
  }
  return { disk: counted, open }
}

test('late data fill the files of many hours by turns: each stays open while it is written, four for longer', async () => {
  const { disk, open } = counting()
  const dir = data()
  const { recorder } = await record(dir, { disk })
  let passed = 0
  const clock = spyOn(performance, 'now').mockImplementation(() => passed)
  const hours = (name: string) => {
    const made = new TestEpoch('f', name, declared)
    for (let i = 0; i < 12; i++) made.add('b', [T0 + 7200 * i], { x: [i] })
    return made
  }
  const epochs = ['e1', 'e2', 'e3'].map(hours)
  for (const each of epochs) {
    each.feed(recorder)
    await recorder.flush()
  }
  expect(filesIn(dir)).toHaveLength(12)
  expect(open.now).toBe(12)
  passed += 3_600_000
  const later = epoch('e4', T0 - 7200)
  later.feed(recorder)
  await recorder.flush()
  expect(open.now).toBe(4)
  clock.mockRestore()
  await recorder[Symbol.asyncDispose]()
  expect(open.now).toBe(0)
  expect(recorded(dir)).toEqual(sent([...epochs, later]))
})

test('at most 200 files are open at a time', async () => {
  const { disk, open } = counting()
  const dir = data()
  const { recorder } = await record(dir, { disk })
  const year = new TestEpoch('f', 'e1', declared)
  for (let i = 0; i < 230; i++) year.add('b', [T0 + 7200 * i], { x: [i] })
  year.feed(recorder)
  await recorder.flush()
  // One more while it is being created.
  expect(open).toEqual({ now: 200, most: 201 })
  await recorder[Symbol.asyncDispose]()
  expect(recorded(dir)).toEqual(sent([year]))
})
