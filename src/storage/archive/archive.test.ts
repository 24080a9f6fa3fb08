import { afterEach, expect, test } from 'bun:test'
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import {
  cleanUp,
  declaration,
  filesIn,
  folder,
  record,
  type Samples,
  sent,
  snapshot,
  TestEpoch,
} from '../recorder/recorder.test-aid.ts'
import { Archive } from './archive.ts'
import { indexPath } from './archive-index-file.ts'

afterEach(cleanUp)

const T0 = 1_700_050_000
const BLOCKS = { temps: { T: 'double', n: 'int' }, state: { on: 'bool', mode: 'string' } } as const

function epoch(name: string, start: number, count: number, step = 1): TestEpoch {
  const made = new TestEpoch('temperatures', name, declaration(BLOCKS))
  for (let i = 0; i < count; i++) {
    const t = start + i * step
    made.add('temps', [t, t + step / 2], { T: [Math.sin(i), i % 50 === 0 ? 'NaN' : i], n: [i, 7 - i] })
    if (i % 10 === 0) made.add('state', [t], { on: [i % 20 === 0], mode: [i < 100 ? 'cold' : 'warm'] })
  }
  return made
}

/** A data directory with two epochs, the first of which spans several files. */
async function recordTwo() {
  const dir = join(folder(), 'data')
  const { recorder } = await record(dir, { frameLength: 100, timePerFile: 1000 })
  const epochs = [epoch('e1', T0, 3000), epoch('e2', T0 + 4000, 200)]
  for (const one of epochs) one.feed(recorder)
  await recorder[Symbol.asyncDispose]()
  return { dir, epochs }
}

async function opened(dir: string, index?: string): Promise<Archive> {
  const archive = new Archive(dir, index)
  await archive.rescan()
  return archive
}

/** Everything that an archive returns, in the form of `sent`. */
async function everything(archive: Archive, start = -Infinity, end = Infinity): Promise<Samples> {
  const fields = archive.fields(start, end)
  const columns = await archive.read(fields, start, end)
  return Object.fromEntries(
    columns.map(({ type, t, values }, i) => [
      `${fields[i]?.address}.${fields[i]?.name}`,
      Array.from(t, (time, at) => {
        const value = values[at]
        return `${type} ${time.toFixed(4)} ${Object.is(value, -0) ? '-0' : value}`
      }),
    ]),
  )
}

test('every sample once and in order, over epochs and files', async () => {
  const { dir, epochs } = await recordTwo()
  expect(filesIn(dir).length).toBeGreaterThan(3)
  using archive = await opened(dir)
  expect(await everything(archive)).toEqual(sent(epochs))
  expect(archive.problems()).toEqual([])
  const [field] = archive.fields().filter(({ name }) => name === 'T')
  if (!field) throw new Error('no T')
  expect(field.label).toBe('it.temperatures.T')
  for (const [from, to] of [
    [T0 + 995, T0 + 1005],
    [T0 + 50.5, T0 + 50.5],
    [T0 - 10, T0 - 1],
  ] as const) {
    const [column] = await archive.read([field], from, to)
    const all = (await archive.read([field], -Infinity, Infinity))[0]?.t ?? []
    expect(Array.from(column?.t ?? [])).toEqual(Array.from(all).filter((t) => t >= from && t <= to))
  }
  expect(archive.fields(T0 + 3500, T0 + 3900)).toEqual([])
})

test('a copy of a file in the tree doubles nothing', async () => {
  const { dir, epochs } = await recordTwo()
  const [file = ''] = filesIn(dir)
  mkdirSync(join(dir, 'copies'))
  cpSync(join(dir, file), join(dir, 'copies', 'again.g3'))
  using archive = await opened(dir)
  expect(await everything(archive)).toEqual(sent(epochs))
  rmSync(join(dir, file))
  expect(await archive.rescan()).toBe(1)
  expect(await everything(archive)).toEqual(sent(epochs))
})

test('a file that grows is read on, to its last whole frame', async () => {
  const { dir, epochs } = await recordTwo()
  const live = join(folder(), 'live')
  const path = join(live, '17000', '1700050000.g3')
  mkdirSync(join(path, '..'), { recursive: true })
  const bytes = readFileSync(join(dir, filesIn(dir)[0] ?? ''))
  const state = join(folder(), 'index.sqlite')
  const kept = new Archive(live, state)
  writeFileSync(path, bytes.subarray(0, 700))
  const counts: number[] = []
  for (let at = 700; at < bytes.length; ) {
    await kept.rescan()
    const [T] = await kept.read(
      kept.fields().filter(({ name }) => name === 'T'),
      -Infinity,
      Infinity,
    )
    counts.push(T?.t.length ?? 0)
    const to = Math.min(bytes.length, at + 3001)
    appendFileSync(path, bytes.subarray(at, to))
    at = to
  }
  await kept.rescan()
  expect(counts).toEqual(counts.toSorted((a, b) => a - b))
  expect(new Set(counts).size).toBeGreaterThan(3)
  const after = await everything(kept)
  using rebuilt = await opened(live)
  expect(after).toEqual(await everything(rebuilt))
  const overviews = (archive: Archive) =>
    archive.fields().map((field) => [field.label, archive.overview(field)])
  const [one, two] = [overviews(kept), overviews(rebuilt)]
  expect(JSON.stringify(one).length).toBeGreaterThan(300)
  // The mean is summed in a different order.
  const rounded = (_: string, value: unknown) =>
    typeof value === 'number' ? Number(value.toFixed(6)) : value
  expect(JSON.stringify(one, rounded)).toEqual(JSON.stringify(two, rounded))
  const whole = sent(epochs)['observatory.it.feeds.temperatures.T'] ?? []
  expect(after['observatory.it.feeds.temperatures.T']).toEqual(
    whole.slice(0, counts.at(-1) === 0 ? 0 : after['observatory.it.feeds.temperatures.T']?.length),
  )
  kept[Symbol.dispose]()
  using again = new Archive(live, state)
  expect(await again.rescan()).toBe(0)
  expect(await everything(again)).toEqual(after)
})

test('a bad file is reported, its good part and the other files are served', async () => {
  const { dir, epochs } = await recordTwo()
  const copy = snapshot(dir)
  const [first = '', second = ''] = filesIn(copy)
  const size = readFileSync(join(copy, first)).length
  truncateSync(join(copy, first), size - 7)
  const bytes = readFileSync(join(copy, second))
  bytes[bytes.length - 100] = 1 + (bytes[bytes.length - 100] ?? 0)
  writeFileSync(join(copy, second), bytes)
  writeFileSync(join(copy, 'noise.g3'), 'this is no G3 file')
  writeFileSync(join(copy, 'empty.g3'), '')
  using archive = await opened(copy)
  const bad = archive.problems()
  expect(bad.map(({ path }) => path)).toEqual([first, second, 'noise.g3'])
  expect(bad[1]?.reason).toContain('wrong checksum')
  expect(bad[0]?.goodBytes).toBeLessThan(size)
  const [got, all] = [await everything(archive), sent(epochs)]
  for (const [name, samples] of Object.entries(got)) {
    expect(samples.length).toBeLessThan(all[name]?.length ?? 0)
    expect(samples.every((sample) => all[name]?.includes(sample))).toBe(true)
    expect(samples.at(-1)).toBe(all[name]?.at(-1) ?? '')
  }
  cpSync(join(dir, first), join(copy, first))
  cpSync(join(dir, second), join(copy, second))
  expect(await archive.rescan()).toBe(2)
  expect(await everything(archive)).toEqual(all)
})

test('files of so3g in schemas 0, 1 and 2; integers and doubles are exact', async () => {
  using archive = await opened('fixtures/g3')
  const fields = archive.fields()
  const labels = fields.map(({ label, type }) => `${label} ${type}`)
  // The name that so3g gives: without the prefix (hwp_) of blocks of schema 0. Both old schemas have this
  // field.
  expect(labels).toContain('observatory.old.position double')
  expect(labels).toContain('LSA240.temperatures.channel_1_T double')
  const named = (label: string) => fields.filter((field) => field.label === label)
  const [position] = await archive.read(named('observatory.old.position'), -Infinity, Infinity)
  expect(Array.from(position?.t ?? []).slice(0, 4)).toEqual([1.5e9, 1.5e9 + 0.25, 1.5e9 + 0.5, 1.5e9 + 1])
  expect([...(position?.values ?? [])]).toEqual([1, 2, Number.NaN, 2, 2, Number.NaN, 1, 2])
  const [raw] = await archive.read(named('LSA240.temperatures.raw'), -Infinity, Infinity)
  expect([...(raw?.values ?? [])]).toEqual([1, -2, 127, -128, 70000, -70000, 0, 1])
  const [wide] = await archive.read(named('LSA372.temperatures.raw'), -Infinity, Infinity)
  expect(wide?.values[4]).toBe(2n ** 53n + 1n)
  const [state] = await archive.read(named('LSA240.temperatures.state'), -Infinity, Infinity)
  expect(state?.values[2]).toBe('ünïcode ✓ 🧊')
})

test('integers and doubles of one field, in epochs that overlap', async () => {
  const dir = join(folder(), 'data')
  for (const [i, type] of (['int', 'double'] as const).entries()) {
    const part = join(folder(), 'data')
    const { recorder } = await record(part)
    const made = new TestEpoch('temperatures', `e${i}`, declaration({ temps: { T: type } }))
    made.add('temps', [T0 + i * 0.5, T0 + 1 + i * 0.5], { T: type === 'int' ? [1, 3] : [2.5, 4.25] })
    made.feed(recorder)
    await recorder[Symbol.asyncDispose]()
    cpSync(part, join(dir, String(i)), { recursive: true })
  }
  using archive = await opened(dir)
  const [column] = await archive.read(archive.fields(), -Infinity, Infinity)
  expect(column?.type).toBe('double')
  expect([...(column?.values ?? [])]).toEqual([1, 2.5, 3, 4.25])
})

test('few points: every block’s extremes, at their times, without a sample of their own', async () => {
  const { dir } = await recordTwo()
  using archive = await opened(dir)
  const fields = archive.fields().filter(({ name }) => ['T', 'mode'].includes(name))
  const all = await archive.read(fields, T0, T0 + 5000)
  const few = await archive.read(fields, T0, T0 + 5000, { maxPoints: 40 })
  for (const i of [0, 1]) {
    const known = new Set(Array.from(all[i]?.t ?? [], (t, at) => `${t} ${all[i]?.values[at]}`))
    expect(Array.from(few[i]?.t ?? [], (t, at) => known.has(`${t} ${few[i]?.values[at]}`))).not.toContain(
      false,
    )
    expect(few[i]?.t.length).toBeLessThan((all[i]?.t.length ?? 0) / 3)
  }
  const extremes = (values: Iterable<unknown> = []) => {
    const finite = [...values].map(Number).filter(Number.isFinite)
    return [Math.min(...finite), Math.max(...finite)]
  }
  expect(extremes(few[0]?.values)).toEqual(extremes(all[0]?.values))
})

test('an index of another version or without sense is made anew, outside the data directory', async () => {
  const { dir, epochs } = await recordTwo()
  const before = readdirSync(dir, { recursive: true })
  const path = indexPath(folder(), dir)
  mkdirSync(join(path, '..'))
  writeFileSync(path, 'nothing that SQLite could open'.repeat(100))
  using archive = await opened(dir, path)
  expect(await everything(archive)).toEqual(sent(epochs))
  expect(readdirSync(dir, { recursive: true })).toEqual(before)
})

test('a folder that is not there says so', async () => {
  using archive = new Archive('/nowhere')
  await expect(archive.rescan()).rejects.toThrow('name a folder of .g3 files with --data-dir')
})
