/**
 * Files as labs keep them: compressed, restored beside rows that were fetched again, links, and things that
 * are not files.
 */

import { afterEach, expect, test } from 'bun:test'
import { execFileSync } from 'node:child_process'
import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { audit } from '../recorder/audit.ts'
import { disk } from '../recorder/disk.ts'
import { cleanUp, declaration, filesIn, folder, record, TestEpoch } from '../recorder/recorder.test-aid.ts'
import { Archive } from './archive.ts'

afterEach(cleanUp)

const T0 = 1_700_050_000
const ROWS = 300
const declared = declaration({ temps: { T: 'double' }, state: { on: 'bool' } })

function epoch(rows = ROWS): TestEpoch {
  const made = new TestEpoch('temperatures', 'e1', declared)
  for (let i = 0; i < rows; i++) {
    // Two rows with the same time, as from slow clocks.
    made.add('temps', [T0 + Math.floor(i / 2)], { T: [i] })
    if (i % 25 === 0) made.add('state', [T0 + Math.floor(i / 2)], { on: [true] })
  }
  return made
}

/** A data directory with one file that has all rows. */
async function recordOne(frameLength = 60): Promise<{ dir: string; path: string; from: TestEpoch }> {
  const dir = join(folder(), 'data')
  const { recorder } = await record(dir, { frameLength })
  const from = epoch()
  from.feed(recorder)
  await recorder[Symbol.asyncDispose]()
  return { dir, path: join(dir, filesIn(dir)[0] ?? ''), from }
}

/** The readings of an archive, in order, and what it reports about files. */
async function read(dir: string) {
  using archive = new Archive(dir)
  await archive.rescan()
  const fields = archive.fields().filter(({ name }) => name === 'T')
  const [column] = await archive.read(fields, -Infinity, Infinity)
  const problems = archive.problems().map(({ path, reason }) => `${path}: ${reason}`)
  return { values: [...(column?.values ?? [])].map(Number), problems }
}

const all = Array.from({ length: ROWS }, (_, i) => i)

test('a file that was compressed is read, also beside itself; of one cut short what is there', async () => {
  const { dir, path } = await recordOne()
  const packed = gzipSync(readFileSync(path))
  writeFileSync(`${path}.gz`, packed)
  expect(await read(dir)).toEqual({ values: all, problems: [] })
  rmSync(path)
  expect(await read(dir)).toEqual({ values: all, problems: [] })
  expect((await audit(disk, dir)).epochs).toMatchObject([{ missing: [], doubled: [] }])
  writeFileSync(`${path}.gz`, packed.subarray(0, packed.length - 200))
  const { values, problems } = await read(dir)
  expect(values.length).toBeGreaterThan(0)
  expect(values).toEqual(all.slice(0, values.length))
  expect(problems).toEqual([expect.stringContaining('17000/1700050000.g3.gz: ')])
  writeFileSync(`${path}.gz`, 'nothing of the kind')
  expect(await read(dir)).toMatchObject({ values: [], problems: [expect.stringContaining('.g3.gz: ')] })
})

test('what is no file costs itself alone, in the archive and in audit', async () => {
  const { dir } = await recordOne()
  const at = (name: string) => join(dir, '17000', name)
  execFileSync('mkfifo', [at('1700050001.g3')])
  symlinkSync('/nowhere', at('1700050002.g3'))
  symlinkSync('1700050003.g3', at('1700050003.g3'))
  mkdirSync(at('1700050004.g3'))
  symlinkSync('..', at('up'))
  const { values, problems } = await read(dir)
  expect(values).toEqual(all)
  expect(problems.map((text) => text.split(':')[0])).toEqual([
    '17000/1700050001.g3',
    '17000/1700050002.g3',
    '17000/1700050003.g3',
  ])
  const { epochs, damaged } = await audit(disk, dir)
  expect(epochs).toMatchObject([{ missing: [], doubled: [] }])
  expect(damaged.map(({ file }) => file)).toEqual([
    '17000/1700050001.g3',
    '17000/1700050002.g3',
    '17000/1700050003.g3',
  ])
  // It does not keep a recorder from starting either.
  const { recorder, said } = await record(dir)
  expect(said.filter((text) => text.startsWith('warning unreadable'))).toHaveLength(3)
  await recorder[Symbol.asyncDispose]()
})

test('a folder that lies on another disk is read through its link', async () => {
  const { dir } = await recordOne()
  renameSync(join(dir, '17000'), join(dir, '..', 'other-disk'))
  symlinkSync('../other-disk', join(dir, '17000'))
  expect((await read(dir)).values).toEqual(all)
  expect((await audit(disk, dir)).epochs).toMatchObject([{ missing: [], doubled: [] }])
})

test.each([
  ['the same frames', 60],
  ['shorter frames', 7],
  ['longer frames', 1000],
])(
  'a file restored beside what was fetched again: each row is read once, and audit tells (%s)',
  async (_, frameLength) => {
    const { dir, path, from } = await recordOne()
    const kept = join(dir, '..', 'kept.g3')
    renameSync(path, kept)
    rmSync(join(dir, '.ocs', 'files.jsonl'))
    const { recorder } = await record(dir, { frameLength })
    // The agent no longer has all of it, and some rows are new.
    recorder.position(from.from, { epoch: 'e1', first: 101, last: from.rows.length, acked: 0 })
    recorder.gap(from.from, 1, 100)
    from.add('temps', [T0 + ROWS], { T: [ROWS] })
    recorder.rows(from.from, from.declared, from.rows.slice(100))
    await recorder[Symbol.asyncDispose]()
    copyFileSync(kept, join(dir, '17000', '1700049999.g3'))
    expect((await read(dir)).values).toEqual([...all, ROWS])
    const { doubled, missing } = (await audit(disk, dir)).epochs[0] ?? {}
    expect(missing).toEqual([])
    expect(doubled?.[0]?.first).toBeGreaterThanOrEqual(1)
  },
)
