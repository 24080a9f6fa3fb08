import { afterEach, expect, test } from 'bun:test'
import { mkdirSync } from 'node:fs'
import { MemoryDisk } from './memory-disk.test-aid.ts'
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

const declared = declaration({ temps: { T: 'double', n: 'int' } })

function fill(epoch: TestEpoch, count: number): TestEpoch {
  for (let i = 0; i < count; i++) {
    const n = epoch.rows.length
    epoch.add('temps', [T0 + n], { T: [n / 7], n: [n] })
  }
  return epoch
}

/** The lock is on the real disk, everything else in memory. */
function directory(): string {
  const dir = data()
  mkdirSync(dir)
  return dir
}

/** A data directory on a disk in memory. */
function inMemory(): { readonly dir: string; readonly disk: MemoryDisk } {
  const dir = directory()
  const disk = new MemoryDisk()
  disk.put(`${dir}/`)
  return { dir, disk }
}

const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate)
}

/** Seed of the power cuts; OCS_TEST_SEED sets another. */
const SEED = Number(process.env['OCS_TEST_SEED'] ?? 4711)

test(`power cuts lose nothing that was acknowledged, and double nothing (seed ${SEED})`, async () => {
  let seed = SEED
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
    return Math.floor((seed / 2 ** 31) * below)
  }
  const dir = directory()
  const epochs = ['e1', 'e2', 'e3'].map((name, i) => fill(new TestEpoch(`feed${i}`, name, declared), 3000))
  let disk = new MemoryDisk()
  disk.put(`${dir}/`)
  let torn = 0
  for (let power = 0; power < 300; power++) {
    const { recorder, acks } = await record(dir, { disk, frameLength: 5, timePerFile: 100 })
    torn += recorder.counters.torn_tails
    for (let i = random(9); i >= 0; i--) {
      epochs[random(3)]?.feed(recorder, random(6))
      if (random(2) === 0) void recorder.flush()
      await turns(random(12))
    }
    const after = disk.cut(random)
    const acked = new Map(acks.map(({ from, seq }) => [from.epoch, seq]))
    await recorder[Symbol.asyncDispose](1)
    disk = after
    const next = await record(dir, { disk })
    for (const { from } of epochs) {
      const held = { epoch: from.epoch, first: 1, last: 3000, acked: 3000 }
      expect(next.recorder.position(from, held)).toBeGreaterThanOrEqual(acked.get(from.epoch) ?? 0)
    }
    torn += next.recorder.counters.torn_tails
    await next.recorder[Symbol.asyncDispose]()
  }
  const { recorder } = await record(dir, { disk })
  for (const epoch of epochs) epoch.feed(recorder)
  await recorder[Symbol.asyncDispose]()
  disk.writeTo(dir, dir)
  expect(recorded(dir)).toEqual(sent(epochs))
  // The power cuts did tear ends; otherwise this would prove little.
  expect(torn).toBeGreaterThan(5)
  writeExpected(dir, epochs)
})

test('a full disk stops acknowledgements, not the recorder; with space again all is written, once', async () => {
  const { dir, disk } = inMemory()
  const epoch = fill(new TestEpoch('feed', 'e1', declared), 50)
  const { recorder, acks, said, until } = await record(dir, { disk })
  epoch.feed(recorder)
  await recorder.flush()
  expect(acks.map(({ seq }) => seq)).toEqual([50])
  for (let fills = 0; fills < 2; fills++) {
    disk.space = 3000 + fills
    fill(epoch, 200)
    epoch.feed(recorder)
    const written = recorder.flush()
    await until(() => said.filter((text) => text.startsWith('error disk')).length === fills + 1)
    expect(recorder.problem).toBe(`the disk is full (${dir}: make room on its disk)`)
    expect(said.filter((text) => text.startsWith('error disk')).at(-1)).toContain(
      `${dir} cannot be written: the disk is full: make room on its disk; trying`,
    )
    expect(recorder.counters.disk_failures).toBe(fills + 1)
    expect(acks.at(-1)?.seq).toBe(50 + 200 * fills)
    disk.space = Infinity
    await written
    expect(recorder.problem).toBeUndefined()
    expect(acks.at(-1)?.seq).toBe(250 + 200 * fills)
  }
  await recorder[Symbol.asyncDispose]()
  disk.writeTo(dir, dir)
  expect(recorded(dir)).toEqual(sent([epoch]))
})

test('while nothing can be written rows are taken up to 64 MiB, then left with their agents', async () => {
  const { dir, disk } = inMemory()
  const { recorder, acks } = await record(dir, { disk })
  disk.failing = 'EIO'
  const wide = declaration({ b: { x: 'double' } })
  const epoch = new TestEpoch('feed', 'e1', wide)
  const times = Array.from({ length: 100_000 }, (_, i) => T0 + i / 1e5)
  while (true) {
    epoch.add(
      'b',
      times.map((t) => t + epoch.rows.length),
      { x: times },
    )
    if (!epoch.feed(recorder)) break
    expect(epoch.rows.length).toBeLessThan(50)
  }
  expect(epoch.rows.length * 1.6e6).toBeGreaterThan(64 << 20)
  expect(acks).toEqual([])
  disk.failing = undefined
  await recorder.flush()
  expect(epoch.feed(recorder)).toBe(true)
  await recorder.flush()
  expect(acks.at(-1)?.seq).toBe(epoch.rows.length)
  await recorder[Symbol.asyncDispose]()
})

test('a disk that turns read-only is waited for as a full one is', async () => {
  const { dir, disk } = inMemory()
  const epoch = fill(new TestEpoch('feed', 'e1', declared), 50)
  const { recorder, acks, said, until } = await record(dir, { disk })
  epoch.feed(recorder)
  await recorder.flush()
  disk.failing = 'EROFS'
  fill(epoch, 50)
  epoch.feed(recorder)
  const written = recorder.flush()
  await until(() => said.some((text) => text.startsWith('error disk') && text.includes('mounted read-only')))
  expect(acks.at(-1)?.seq).toBe(50)
  disk.failing = undefined
  await written
  expect(acks.at(-1)?.seq).toBe(100)
  await recorder[Symbol.asyncDispose]()
  disk.writeTo(dir, dir)
  expect(recorded(dir)).toEqual(sent([epoch]))
})

test('a file whose head cannot be written is not there', async () => {
  const { dir, disk } = inMemory()
  const { recorder, said, until } = await record(dir, { disk })
  disk.space = 200
  const epoch = fill(new TestEpoch('feed', 'e1', declared), 5)
  epoch.feed(recorder)
  await until(() => said.some((text) => text.startsWith('error disk')))
  await recorder[Symbol.asyncDispose](1)
  disk.space = Infinity
  const next = await record(dir, { disk })
  epoch.feed(next.recorder)
  await next.recorder[Symbol.asyncDispose]()
  disk.writeTo(dir, dir)
  expect(filesIn(dir)).toEqual(['17000/1700050000.g3'])
  expect(recorded(dir)).toEqual(sent([epoch]))
})
