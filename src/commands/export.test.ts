import { afterEach, expect, test } from 'bun:test'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet'
import { timeOf } from '../core/arguments/point-in-time.ts'
import type { FeedDeclaration } from '../core/channels.ts'
import { archiveData, archiveFields } from '../datanode/g3-archive.ts'
import { Archive } from '../storage/archive/archive.ts'
import { entry, walkFrames } from '../storage/g3/frame.ts'
import { copiedFrame, headFrames } from '../storage/g3/hk.ts'
import { cleanUp, declaration, folder, record, TestEpoch } from '../storage/recorder/recorder.test-aid.ts'
import { run } from './program.ts'

afterEach(cleanUp)

const T0 = 1_700_050_000

async function recordOne(): Promise<string> {
  const dir = join(folder(), 'data')
  const { recorder } = await record(dir)
  const declared = declaration({ temps: { T: 'double', n: 'int' }, state: { on: 'bool', mode: 'string' } })
  const epoch = new TestEpoch('temperatures', 'e1', declared)
  epoch.add('temps', [T0, T0 + 0.1], { T: [4.2, 'NaN'], n: [1, '9007199254740993'] })
  epoch.add('state', [T0, T0 + 2], { on: [true, false], mode: ['cold, "dry"', 'warm'] })
  epoch.feed(recorder)
  await recorder[Symbol.asyncDispose]()
  return dir
}

async function ocs(...argv: string[]) {
  const printed = { out: '', err: '' }
  const code = await run(argv, {
    signal: new AbortController().signal,
    env: { OCS_STATE_DIR: folder() },
    out: (text) => {
      printed.out += text
    },
    err: (text) => {
      printed.err += text
    },
    terminal: false,
    size: () => ({ columns: 80, rows: 24 }),
  })
  return { code, ...printed }
}

test('samples in other units have a column of their own, whoever has recorded them since; the line of names tells the units', async () => {
  const dir = join(folder(), 'data')
  const declared = (units: string): FeedDeclaration => ({
    ...declaration({ temps: { T: 'double', n: 'int' } }),
    blocks: { temps: { T: { type: 'double', units }, n: { type: 'int' } } },
  })
  const recordIn = async (units: string, epoch: string, start: number) => {
    const { recorder } = await record(dir)
    const rows = new TestEpoch('temperatures', epoch, declared(units))
    rows.add('temps', [start, start + 1], { T: [start - T0, start - T0 + 0.5], n: [1, 2] })
    rows.feed(recorder)
    await recorder[Symbol.asyncDispose]()
  }
  await recordIn('V', 'e1', T0)
  await recordIn('K', 'e2', T0 + 10)
  await recordIn('V', 'e3', T0 + 20)
  await recordIn('V', 'e4', T0 + 30)
  const log = readFileSync(join(dir, '.ocs', 'fields.jsonl'), 'utf8')
  expect(log.match(/"units":"\w"/g)).toEqual(['"units":"V"', '"units":"K"', '"units":"V"'])
  const args = ['it.temperatures.T*', '--from', String(T0), '--data-dir', dir]
  const rows = (start: number, isKelvin: boolean) =>
    [0, 1].map((i) => {
      const value = start - T0 + i / 2
      return `${start + i},${isKelvin ? `,${value}` : `${value},`}\n`
    })
  expect(await ocs('export', ...args)).toEqual({
    code: 0,
    err: '',
    out: [
      'time,it.temperatures.T (V),it.temperatures.T_in_K (K)\n',
      ...rows(T0, false),
      ...rows(T0 + 10, true),
      ...rows(T0 + 20, false),
      ...rows(T0 + 30, false),
    ].join(''),
  })
  using archive = new Archive(dir)
  await archive.rescan()
  const { fields } = archiveFields(archive, { start: T0, end: T0 + 100 })
  expect(
    Object.entries(fields).map(([name, { units, source }]) => [name, units, source?.split('.').at(-1)]),
  ).toEqual([
    ['it.temperatures.T', 'V', 'T'],
    ['it.temperatures.T_in_K', 'K', 'T_in_K'],
    ['it.temperatures.n', null, 'n'],
  ])
  // Of a time in which it had one unit there is one.
  const early = archiveFields(archive, { start: T0, end: T0 + 5 })
  expect(Object.keys(early.fields)).toEqual(['it.temperatures.T', 'it.temperatures.n'])
  const asked = { fields: Object.keys(fields), start: T0, end: T0 + 100, max_points: 4 }
  const { data } = await archiveData(archive, asked)
  expect([...(data['it.temperatures.T_in_K'] ?? [])]).toEqual([10, 10.5])
  expect([...(data['it.temperatures.T'] ?? [])].some((value) => value === 10 || value === 10.5)).toBe(false)
})

test('the units of a column are told: in the metadata of a Parquet file, beside one of lines of JSON or a .g3 file', async () => {
  const dir = join(folder(), 'data')
  const { recorder } = await record(dir)
  const declared = declaration({ temps: { T: 'double', n: 'int' } })
  const T = { type: 'double', units: 'K', description: 'cold plate', resolution: 0.001 } as const
  const rows = new TestEpoch('temperatures', 'e1', {
    ...declared,
    blocks: { temps: { T, n: { type: 'int' } } },
  })
  rows.add('temps', [T0], { T: [4.2], n: [1] })
  rows.feed(recorder)
  await recorder[Symbol.asyncDispose]()
  const told = { 'it.temperatures.T': { units: 'K', description: 'cold plate', resolution: 0.001 } }
  for (const format of ['jsonl', 'g3', 'parquet', 'csv']) {
    const out = join(dir, '..', `x.${format}`)
    const args = [
      'it.temperatures.*',
      '--from',
      String(T0),
      '--data-dir',
      dir,
      '--format',
      format,
      '--out',
      out,
    ]
    expect(await ocs('export', ...args)).toEqual({ code: 0, err: '', out: '' })
    if (format === 'jsonl')
      expect(readFileSync(out, 'utf8')).toBe(`{"time":${T0},"it.temperatures.T":4.2,"it.temperatures.n":1}\n`)
    const beside = existsSync(`${out}.fields.json`)
    expect([format, beside]).toEqual([format, format === 'jsonl' || format === 'g3'])
    if (beside) expect(JSON.parse(readFileSync(`${out}.fields.json`, 'utf8'))).toEqual(told)
  }
  const file = await asyncBufferFromFile(join(dir, '..', 'x.parquet'))
  const { key_value_metadata } = await parquetMetadataAsync(file)
  expect(key_value_metadata?.map(({ key, value }) => [key, JSON.parse(value ?? '')])).toEqual([
    ['ocs.fields', told],
  ])
})

test('CSV and JSON, a line for each time, values exact', async () => {
  const dir = await recordOne()
  const args = ['it.temperatures.T', '*.n', '*.on', '*.mode', '--from', String(T0), '--data-dir', dir]
  expect(await ocs('export', ...args)).toEqual({
    code: 0,
    err: '',
    out:
      'time,it.temperatures.T,it.temperatures.n,it.temperatures.on,it.temperatures.mode\n' +
      `${T0},4.2,1,true,"cold, ""dry"""\n` +
      `${T0 + 0.1},NaN,9007199254740993,,\n` +
      `${T0 + 2},,,false,warm\n`,
  })
  const { out } = await ocs('export', ...args, '--format', 'jsonl', '--to', String(T0 + 1))
  expect(
    out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toEqual([
    {
      time: T0,
      'it.temperatures.T': 4.2,
      'it.temperatures.n': 1,
      'it.temperatures.on': true,
      'it.temperatures.mode': 'cold, "dry"',
    },
    { time: T0 + 0.1, 'it.temperatures.T': 'NaN', 'it.temperatures.n': '9007199254740993' },
  ])
})

test('a .g3 file keeps ticks, a Parquet file the sign of 0', async () => {
  const dir = join(folder(), 'data')
  mkdirSync(join(dir, '17000'), { recursive: true })
  // Ticks of 10 ns that no double of seconds has.
  const ticks = BigInt64Array.from({ length: 50 }, (_, i) => BigInt(T0) * 100_000_000n + BigInt(i * 1001 + 7))
  const values = Float64Array.from(ticks, (_, i) => (i % 2 === 0 ? -0 : 0))
  const block = {
    name: 'b',
    times: ticks,
    fields: new Map([['x', { kind: 'G3VectorDouble', value: values } as const]]),
  }
  const address = 'observatory.it.feeds.fast'
  const head = headFrames({ sessionId: 1n, time: T0, generation: 1, ledger: '{}' }, new Map([[0, address]]))
  const data = copiedFrame(1n, T0, { provider: 0, address, blocks: [block] })
  writeFileSync(join(dir, '17000', `${T0}.g3`), Buffer.concat([head, data]))
  const out = (name: string) => join(dir, '..', name)
  const args = ['export', 'it.fast.x', '--from', String(T0 - 1), '--data-dir', dir]
  expect(await ocs(...args, '--format', 'g3', '--out', out('x.g3'))).toMatchObject({ code: 0, err: '' })
  const times = [...walkFrames(readFileSync(out('x.g3')), { verify: true })].flatMap((frame) =>
    (entry(frame, 'blocks', 'G3VectorFrameObject')?.value ?? []).flatMap((one) =>
      one?.kind === 'G3TimesampleMap' ? [...one.times] : [],
    ),
  )
  expect(times).toEqual([...ticks])
  expect(await ocs(...args, '--format', 'parquet', '--out', out('x.parquet'))).toMatchObject({ code: 0 })
  const rows = await parquetReadObjects({ file: await asyncBufferFromFile(out('x.parquet')) })
  expect(rows.map((row) => Object.is(row['it.fast.x'], -0))).toEqual(rows.map((_, i) => i % 2 === 0))
})

test('a span that is read in parts has every sample once', async () => {
  const dir = join(folder(), 'data')
  const { recorder } = await record(dir, { frameLength: 3000 })
  const epoch = new TestEpoch('temperatures', 'e1', declaration({ temps: { T: 'double' } }))
  const count = 1_200_000
  for (let i = 0; i < count; i += 1000) {
    const t = Array.from({ length: 1000 }, (_, k) => T0 + (i + k) / 100)
    epoch.add('temps', t, { T: t.map((_, k) => i + k) })
  }
  epoch.feed(recorder)
  await recorder[Symbol.asyncDispose]()
  const args = ['export', '*.T', '--from', String(T0 + 1), '--data-dir', dir]
  const { out } = await ocs(...args)
  const values = out
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => Number(line.split(',')[1]))
  expect(values.length).toBe(count - 100)
  expect(values.every((value, i) => value === i + 100)).toBe(true)
  // A pipe takes less at a time than a part.
  const command = [process.execPath, 'bin/ocs.ts', ...args, '--state-dir', folder()]
    .join(' ')
    .replace('*', '\\*')
  expect(await Bun.$`sh -c ${`${command} | wc -l`}`.text()).toBe(`${count - 100 + 1}\n`)
}, 300_000)

test('what cannot be meant says what can', async () => {
  const dir = await recordOne()
  const { code, err } = await ocs('export', 'it.temperatures.X', '--from', '-1h', '--data-dir', dir)
  expect([code, err]).toEqual([2, expect.stringContaining('did you mean it.temperatures.T')])
  const missing = await ocs('export', 'T', '--from', '-1h', '--data-dir', '/nowhere')
  expect([missing.code, missing.err]).toEqual([2, expect.stringContaining('--data-dir')])
})

test('times', () => {
  const read = (text: string) => timeOf('--from', text, T0)
  expect(['1700000000.5', 'now', '-1h', 'now-90min', '-2d'].map(read)).toEqual([
    1700000000.5,
    T0,
    T0 - 3600,
    T0 - 5400,
    T0 - 172_800,
  ])
  expect(['2023-11-15', '2023-11-15T12:06:40', '2023-11-15 13:06:40.25+01:00'].map(read)).toEqual([
    1700006400,
    T0,
    T0 + 0.25,
  ])
  for (const bad of ['', 'yesterday', '-1 hour', '2023-13-01']) expect(() => read(bad)).toThrow('--from')
})
