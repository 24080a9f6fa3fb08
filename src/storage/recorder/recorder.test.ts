import { afterEach, expect, test } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Wire } from '../../core/wire.ts'
import { entry } from '../g3/frame.ts'
import { secondsFrom } from '../g3/time.ts'
import { audit } from './audit.ts'
import { disk } from './disk.ts'
import { MemoryDisk } from './memory-disk.test-aid.ts'
import {
  cleanUp,
  data,
  declaration,
  filesIn,
  framesOf,
  record,
  recorded,
  sent,
  snapshot,
  T0,
  TestEpoch,
  writeExpected,
} from './recorder.test-aid.ts'
import { recover } from './recover.ts'

afterEach(cleanUp)

const temps = declaration({ temps: { T: 'double', n: 'int', on: 'bool', tag: 'string' } })

/** A row a second with a value of each type; some are missing, not finite, or beyond 2^53. */
function fill(epoch: TestEpoch, count: number, start = T0, step = 1): TestEpoch {
  for (let i = 0; i < count; i++) {
    const T: Wire = [i / 7, 'NaN', '-Infinity', -0, null][i % 5] ?? null
    const n: Wire = i % 3 ? i * 1000 : '-9223372036854775808'
    epoch.add('temps', [start + i * step], { T: [T], n: [n], on: [i % 2 === 0], tag: [`é${i}`] })
  }
  return epoch
}

test('what comes in is in the files, each value as it was', async () => {
  const dir = data()
  const { recorder, acks, said } = await record(dir, { frameLength: 60 })
  const one = fill(new TestEpoch('temperatures', 'e1', temps), 500)
  const blocks = declaration({ fast: { F: 'double' }, slow: { S: 'int' } })
  const two = new TestEpoch('pressures', 'e2', blocks)
  for (let i = 0; i < 50; i++) {
    two.add('fast', [T0 + i, T0 + i + 0.25, T0 + i + 0.5], { F: [i, i + 0.1, i + 0.2] })
    if (i % 10 === 9) two.add('slow', [T0 + i - 5], { S: [i] })
  }
  for (const epoch of [one, two]) expect(epoch.feed(recorder)).toBe(true)
  await recorder.flush()
  expect(acks.findLast(({ from }) => from.epoch === 'e1')?.seq).toBe(500)
  expect(acks.findLast(({ from }) => from.epoch === 'e2')?.seq).toBe(55)
  expect(recorder.counters).toMatchObject({ rows: 555, samples: 655, quarantined: 0, gaps: 0 })
  await recorder[Symbol.asyncDispose]()
  expect(recorded(dir)).toEqual(sent([one, two]))
  const path = join(dir, '17000/1700050000.g3')
  expect(said).toEqual([`recording to ${dir}`, `new file: ${path}`])
  writeExpected(dir, [one, two])
})

test('how often a feed has a sample is that of its quickest field, and nothing where none says so', async () => {
  const { recorder } = await record(data())
  const field = (rhythm: number) => ({ type: 'double' as const, rhythm })
  const own = { blocks: { slow: { S: field(600) }, fast: { F: field(60), G: { type: 'double' as const } } } }
  const told = new TestEpoch('ups', 'e1', { ...temps, ...own })
  told.add('slow', [T0], { S: [1] })
  const untold = fill(new TestEpoch('temperatures', 'e2', temps), 1)
  for (const epoch of [told, untold]) epoch.feed(recorder)
  const rhythms = Object.entries(recorder.providers).map(([address, { rhythm }]) => [
    address.split('.').at(-1),
    rhythm,
  ])
  expect(rhythms).toEqual([
    ['ups', 60],
    ['temperatures', undefined],
  ])
  await recorder[Symbol.asyncDispose]()
})

test('a file begins with its own session and a status frame that names providers before their data', async () => {
  const dir = data()
  const { recorder } = await record(dir, { timePerFile: 100, frameLength: 30 })
  const epochs = ['e1', 'e2', 'e3'].map((name, i) =>
    fill(new TestEpoch(`feed${i}`, name, temps), 300, T0 + i * 0.1),
  )
  for (let i = 0; i < 30; i++) for (const epoch of epochs) epoch.feed(recorder, 10)
  await recorder[Symbol.asyncDispose]()
  const sessions = new Set<bigint | undefined>()
  const generations: number[] = []
  for (const path of filesIn(dir)) {
    const { frames } = framesOf(readFileSync(join(dir, path)))
    const kinds = frames.map((frame) => Number(entry(frame, 'hkagg_type', 'G3Int')?.value))
    expect(kinds.slice(0, 2)).toEqual([0, 1])
    const ids = new Set(frames.map((frame) => entry(frame, 'session_id', 'G3Int')?.value))
    expect(ids.size).toBe(1)
    sessions.add([...ids][0])
    let listed: bigint[] = []
    let stamp = 0
    for (const [i, frame] of frames.entries()) {
      const time = entry(frame, 'timestamp', 'G3Double')?.value ?? 0
      if (i > 0) expect(time).toBeGreaterThan(stamp)
      stamp = time
      const names = entry(frame, 'providers', 'G3VectorFrameObject')?.value.map((provider) => {
        const id = provider?.kind === 'G3MapFrameObject' ? provider.value.get('prov_id') : undefined
        return id?.kind === 'G3Int' ? id.value : -1n
      })
      if (names) {
        expect(names).toEqual(expect.arrayContaining(listed))
        listed = names
      }
      const provider = entry(frame, 'prov_id', 'G3Int')?.value
      if (provider !== undefined) expect(listed).toContain(provider)
      const first = entry(frame, 'ocs_gen', 'G3Int')
      if (first) generations.push(Number(first.value))
    }
  }
  expect(sessions.size).toBe(filesIn(dir).length)
  expect(generations.toSorted((a, b) => a - b)).toEqual(filesIn(dir).map((_, i) => i + 1))
  expect(filesIn(dir).length).toBeLessThan(6)
  expect(recorded(dir)).toEqual(sent(epochs))
  writeExpected(dir, epochs)
})

test('a recorder killed at any moment goes on where its files end', async () => {
  let dir = data()
  const epochs = ['e1', 'e2', 'e3'].map((name, i) =>
    fill(new TestEpoch(`feed${i}`, name, temps), 400, T0 + i * 0.1, 3),
  )
  let seed = 12345
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
    return seed % below
  }
  for (let kill = 0; kill < 30; kill++) {
    const { recorder } = await record(dir, { frameLength: 20, timePerFile: 300 })
    for (let i = 0; i < 12; i++) {
      epochs[random(3)]?.feed(recorder, random(9))
      // Lets the disk do some of the waiting work.
      for (let turn = random(20); turn > 0; turn--) await new Promise(setImmediate)
    }
    dir = snapshot(dir)
    await recorder[Symbol.asyncDispose]()
  }
  const { recorder } = await record(dir)
  for (const epoch of epochs) epoch.feed(recorder)
  await recorder[Symbol.asyncDispose]()
  expect(recorded(dir)).toEqual(sent(epochs))
  writeExpected(dir, epochs)
})

test('an end torn at any byte, of zeros or with a bit turned over is set aside, and all before it kept', async () => {
  const dir = data()
  const first = await record(dir)
  const epoch = fill(new TestEpoch('feed', 'e1', temps), 3)
  epoch.feed(first.recorder)
  await first.recorder.flush()
  fill(epoch, 2, T0 + 3)
  epoch.feed(first.recorder)
  await first.recorder[Symbol.asyncDispose]()
  const [path = ''] = filesIn(dir)
  const whole = readFileSync(join(dir, path))
  const { frames } = framesOf(whole)
  const start = frames.at(-1)?.offset ?? 0
  const ends = [
    ...Array.from({ length: whole.length - start - 1 }, (_, i) => whole.subarray(start, start + 1 + i)),
    Buffer.concat([whole.subarray(start, start + 100), Buffer.alloc(whole.length - start - 100)]),
    Buffer.alloc(500),
    ...Array.from({ length: Math.floor((whole.length - start) / 7) }, (_, i) => {
      const turned = Buffer.from(whole.subarray(start))
      turned[i * 7] = (turned[i * 7] ?? 0) ^ (1 << (i % 8))
      return turned
    }),
  ]
  for (const [i, end] of ends.entries()) {
    const disk = MemoryDisk.of(dir)
    disk.put(join(dir, path), Buffer.concat([whole.subarray(0, start), end]))
    const { ledger, torn } = await recover(disk, dir, undefined)
    expect(torn).toMatchObject([{ path, kept: '.ocs/torn/1700050000.torn', bytes: end.length }])
    expect(ledger?.find(epoch.from)?.last).toBe(3)
    expect(Buffer.compare(await disk.read(join(dir, '.ocs/torn/1700050000.torn')), end)).toBe(0)
    expect(Buffer.compare(await disk.read(join(dir, path)), whole.subarray(0, start))).toBe(0)
    if (i % 100 > 0) continue
    const after = data()
    disk.writeTo(dir, after)
    const { recorder } = await record(after)
    epoch.feed(recorder)
    await recorder[Symbol.asyncDispose]()
    expect(filesIn(after).length).toBe(2)
    expect(recorded(after)).toEqual(sent([epoch]))
  }
})

test('a torn end is reported, and where its bytes are', async () => {
  const dir = data()
  const epoch = fill(new TestEpoch('feed', 'e1', temps), 3)
  const first = await record(dir)
  epoch.feed(first.recorder)
  await first.recorder[Symbol.asyncDispose]()
  const path = join(dir, filesIn(dir)[0] ?? '')
  writeFileSync(path, Buffer.alloc(500), { flag: 'a' })
  const { recorder, said } = await record(dir)
  expect(said[0]).toStartWith(`warning torn: ${path} has a torn end (no G3 frame at byte `)
  expect(said[0]).toEndWith(`): 500 bytes are kept in ${join(dir, '.ocs/torn/1700050000.torn')}`)
  expect(recorder.counters.torn_tails).toBe(1)
  await recorder[Symbol.asyncDispose]()
})

test('rows behind a byte that was spoilt in the middle of a file are fetched again, each once', async () => {
  const dir = data()
  const epoch = fill(new TestEpoch('feed', 'e1', temps), 300)
  const killed = await record(dir, { timePerFile: 100, frameLength: 10 })
  epoch.feed(killed.recorder)
  await killed.until(() => (killed.acks.at(-1)?.seq ?? 0) > 280)
  for (const file of filesIn(dir)) {
    const left = snapshot(dir)
    const bytes = readFileSync(join(left, file))
    const { frames } = framesOf(bytes)
    const at = (frames[Math.floor(frames.length / 2)]?.offset ?? 0) + 60
    bytes[at] = (bytes[at] ?? 0) ^ 0xff
    writeFileSync(join(left, file), bytes)
    const { recorder } = await record(left, { timePerFile: 100, frameLength: 10 })
    epoch.feed(recorder)
    await recorder[Symbol.asyncDispose]()
    expect(recorded(left)).toEqual(sent([epoch]))
  }
  await killed.recorder[Symbol.asyncDispose]()
})

test('a field keeps its type for the archive’s life, and one block', async () => {
  const dir = data()
  const one = new TestEpoch('feed', 'e1', declaration({ a: { x: 'int', y: 'double' } }))
  one.add('a', [T0], { x: [1], y: [1.5] })
  const other = { a: { x: 'double', x_double: 'double', y: 'double' }, b: { y: 'string' } } as const
  const two = new TestEpoch('feed', 'e2', declaration(other))
  two.add('a', [T0 + 1], { x: [2.5], x_double: [3], y: [1] }).add('b', [T0 + 2], { y: ['s'] })
  const names = (epoch: string, block: string, field: string) => {
    if (epoch === 'e2' && field === 'x') return 'x_double_2'
    return block === 'b' ? 'b_y' : field
  }
  for (const epoch of [one, two]) {
    const { recorder, said } = await record(dir)
    epoch.feed(recorder)
    await recorder[Symbol.asyncDispose]()
    expect(said.filter((text) => text.includes('renamed')).length).toBe(epoch === two ? 2 : 0)
    expect(recorder.counters.renamed).toBe(epoch === two ? 2 : 0)
  }
  two.add('a', [T0 + 3], { x: [4.5], x_double: [5], y: [6] })
  const { recorder } = await record(dir)
  two.feed(recorder)
  await recorder[Symbol.asyncDispose]()
  expect(recorded(dir)).toEqual(sent([one, two], names))
  writeExpected(dir, [one, two], names)
})

test('clocks that jump and rows that come hours late go into files named by their own time', async () => {
  const dir = data()
  const { recorder } = await record(dir)
  const starts = {
    now: T0,
    tomorrow: T0 + 86_400,
    late: T0 - 4 * 3600,
    edge: 1_699_999_970,
    yesterday: T0 - 86_400,
  }
  const epochs = Object.entries(starts).map(([name, start]) =>
    fill(new TestEpoch('feed', name, temps), 60, start),
  )
  for (const epoch of epochs) {
    epoch.feed(recorder)
    await recorder.flush()
  }
  const back = fill(new TestEpoch('feed', 'now-again', temps), 60, T0 + 100)
  back.feed(recorder)
  await recorder[Symbol.asyncDispose]()
  expect(filesIn(dir)).toEqual([
    '16999/1699963600.g3',
    '16999/1699999970.g3',
    '17000/1700000000.g3',
    '17000/1700035600.g3',
    '17000/1700050000.g3',
    '17001/1700136400.g3',
  ])
  expect(recorded(dir)).toEqual(sent([...epochs, back]))
  writeExpected(dir, [...epochs, back])
})

test('a file ends at its last second, and the next begins there', async () => {
  const dir = data()
  const { recorder } = await record(dir, { frameLength: 1, timePerFile: 10 })
  const epoch = fill(new TestEpoch('feed', 'e1', temps), 36)
  epoch.feed(recorder)
  await recorder[Symbol.asyncDispose]()
  const names = filesIn(dir).map((path) => Number(path.slice(6, 16)))
  // Two samples per frame: the sixth frame of a file would end after its last second.
  expect(names).toEqual([T0, T0 + 10, T0 + 20, T0 + 30])
  expect(recorded(dir)).toEqual(sent([epoch]))
})

test('a name that is taken is never written over', async () => {
  const dir = data()
  const epochs = ['e1', 'e2', 'e3'].map((name) => fill(new TestEpoch(name, name, temps), 5))
  for (const epoch of epochs) {
    const { recorder } = await record(dir)
    epoch.feed(recorder)
    await recorder[Symbol.asyncDispose]()
  }
  expect(filesIn(dir)).toEqual(['17000/1700050000.g3', '17000/1700050001.g3', '17000/1700050002.g3'])
  expect(recorded(dir)).toEqual(sent(epochs))
})

test('rows that are gone are a gap, which counts once it is synced', async () => {
  const dir = data()
  const first = await record(dir)
  const epoch = fill(new TestEpoch('feed', 'e1', temps), 30)
  epoch.feed(first.recorder, 10)
  first.recorder.gap(epoch.from, 11, 20)
  expect(first.acks).toEqual([])
  await first.recorder.flush()
  expect(first.acks.map(({ seq }) => seq)).toEqual([20])
  await first.recorder[Symbol.asyncDispose]()
  const { recorder, acks, until } = await record(dir)
  expect(epoch.feed(recorder)).toBe(true)
  // Rows recorded without the agent's knowledge are acknowledged again.
  await until(() => acks.length > 0)
  expect(acks.map(({ seq }) => seq)).toEqual([20])
  await recorder[Symbol.asyncDispose]()
  expect(recorded(dir)['observatory.it.feeds.feed.n']?.length).toBe(20)
  const gaps = filesIn(dir)
    .flatMap((path) => framesOf(readFileSync(join(dir, path))).frames)
    .flatMap((frame) => JSON.parse(entry(frame, 'ocs_gaps', 'G3String')?.value ?? '[]'))
  expect(gaps).toEqual([{ ...epoch.from, first: 11, last: 20, reason: 'gone from the spool' }])
})

test('what is only in another data directory is no gap; what nobody recorded is', async () => {
  const dir = data()
  const { recorder, said } = await record(dir)
  const epoch = fill(new TestEpoch('feed', 'e1', temps), 30)
  expect(recorder.position(epoch.from, { epoch: 'e1', first: 21, last: 30, acked: 25 })).toBe(20)
  epoch.feed(recorder)
  const lost = fill(new TestEpoch('feed', 'e2', temps), 30, T0 + 60)
  expect(recorder.position(lost.from, { epoch: 'e2', first: 21, last: 30, acked: 10 })).toBe(10)
  recorder.gap(lost.from, 11, 20)
  lost.feed(recorder)
  await recorder[Symbol.asyncDispose]()
  expect(recorder.counters).toMatchObject({ rows: 20, gaps: 10 })
  expect(said.filter((text) => text.includes('lost')).length).toBe(1)
  for (const { rows } of [epoch, lost]) rows.splice(0, 20)
  expect(recorded(dir)).toEqual(sent([epoch, lost]))
})

test('an epoch that begins behind its first row in a file that is open already is whole', async () => {
  const dir = data()
  const { recorder } = await record(dir, { frameLength: 60 })
  fill(new TestEpoch('other', 'e1', temps), 10).feed(recorder)
  await recorder.flush()
  const epoch = fill(new TestEpoch('feed', 'e2', temps), 30)
  expect(recorder.position(epoch.from, { epoch: 'e2', first: 21, last: 30, acked: 25 })).toBe(20)
  epoch.feed(recorder)
  await recorder[Symbol.asyncDispose]()
  const { epochs } = await audit(disk, dir)
  expect(epochs.flatMap(({ missing }) => missing)).toEqual([])
})

test('a row that does not fit is left out and reported; those around it are recorded', async () => {
  const dir = data()
  const { recorder, said, acks } = await record(dir)
  const epoch = fill(new TestEpoch('feed', 'e1', temps), 10)
  const good = { T: [1], n: [1], on: [true], tag: [''] }
  const bad: [string, number[], Record<string, Wire[]>, string][] = [
    ['temps', [T0 + 20], { ...good, n: [1.5] }, 'n: 1.5 is not of type int'],
    ['temps', [T0 + 20], { ...good, n: [] }, 'n: 0 values for 1 times'],
    ['temps', [T0 + 20], { T: [1], n: [1], on: [true] }, 'tag: null is not of type string'],
    ['temps', [T0 + 20], { ...good, x: [1] }, 'x is not declared'],
    ['temps', [1e12], good, 'time 1000000000000 is not between 1970 and 2286'],
    ['temps', [-1], good, 'time -1 is not between 1970 and 2286'],
    ['temps', [], good, 'no samples'],
    ['other', [T0 + 20], good, 'block other is not declared'],
  ]
  for (const [block, t, values] of bad) epoch.add(block, t, values)
  fill(epoch, 5, T0 + 30)
  epoch.feed(recorder)
  await recorder[Symbol.asyncDispose]()
  expect(recorder.counters).toMatchObject({ rows: 15, quarantined: bad.length })
  expect(acks.at(-1)?.seq).toBe(15 + bad.length)
  for (const [, , , reason] of bad) expect(said.some((text) => text.endsWith(reason))).toBe(true)
  expect(recorded(dir)['observatory.it.feeds.feed.n']?.length).toBe(15)
  const again = await record(dir)
  const { epoch: name } = epoch.from
  expect(again.recorder.position(epoch.from, { epoch: name, first: 1, last: 23, acked: 23 })).toBe(23)
  await again.recorder[Symbol.asyncDispose]()
})

test('a frame closes by itself when it is old', async () => {
  const { recorder, acks, until } = await record(data(), { frameLength: 0.02 })
  fill(new TestEpoch('feed', 'e1', temps), 1).feed(recorder)
  await until(() => acks.length === 1)
  expect(recorder.providers['observatory.it.feeds.feed']).toMatchObject({ seq: 1, recorded: 1, sessid: 'e1' })
  await recorder[Symbol.asyncDispose]()
})

test('rows behind a hole are not taken: the spool still has those between', async () => {
  const { recorder } = await record(data())
  const epoch = fill(new TestEpoch('feed', 'e1', temps), 3)
  expect(recorder.rows(epoch.from, temps, epoch.rows.slice(1))).toBe(false)
  expect(recorder.rows(epoch.from, temps, epoch.rows.slice(0, 2))).toBe(true)
  expect(recorder.rows(epoch.from, temps, epoch.rows)).toBe(true)
  expect(recorder.counters.duplicates).toBe(2)
  await recorder[Symbol.asyncDispose]()
})

test('a row that spans a step of the clock is cut there: no frame spans more than a file, and files stay in order', async () => {
  const dir = data()
  const blocks = declaration({ fast: { F: 'double' } })
  const { recorder, acks } = await record(dir, { frameLength: 60 })
  const one = new TestEpoch('pressures', 'e1', blocks)
  one.add('fast', [T0, T0 + 1], { F: [0, 1] })
  // Set ahead by an hour, and by another, within one row; and back again.
  one.add('fast', [T0 + 2, T0 + 3, T0 + 3603, T0 + 3604, T0 + 7204], { F: [2, 3, 4, 5, 6] })
  const two = new TestEpoch('pressures', 'e2', blocks)
  for (let i = 0; i < 100; i++) two.add('fast', [T0 + 5 + i], { F: [i] })
  for (const epoch of [one, two]) epoch.feed(recorder)
  await recorder.flush()
  expect(acks.findLast(({ from }) => from.epoch === 'e1')?.seq).toBe(2)
  expect(recorder.counters).toMatchObject({ rows: 102, samples: 107 })
  await recorder[Symbol.asyncDispose]()
  expect(recorded(dir)).toEqual(sent([one, two]))
  const spans = filesIn(dir).flatMap((path) =>
    framesOf(readFileSync(join(dir, path))).frames.flatMap((frame) =>
      (entry(frame, 'blocks', 'G3VectorFrameObject')?.value ?? []).flatMap((block) =>
        block?.kind === 'G3TimesampleMap' ? [secondsFrom(block.times)] : [],
      ),
    ),
  )
  expect(Math.max(...spans.map((t) => (t.at(-1) ?? 0) - (t[0] ?? 0)))).toBeLessThanOrEqual(60)
  // In so3g's order: file by file, frame by frame.
  const times = spans.flatMap((t) => [...t])
  expect(times).toEqual(times.toSorted((a, b) => a - b))
  expect((await audit(disk, dir)).epochs).toMatchObject([
    { recorded: 2, missing: [], doubled: [] },
    { recorded: 100, missing: [], doubled: [] },
  ])
  writeExpected(dir, [one, two])
})
