import { Database } from 'bun:sqlite'
import { afterEach, expect, test } from 'bun:test'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError } from '../../core/errors.ts'
import { checkDataDir } from './data-dir.ts'
import { type Disk, disk } from './disk.ts'
import { addNote, readNotes } from './notes.ts'
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
} from './recorder.test-aid.ts'
import { Recorder } from './recorder.ts'

afterEach(cleanUp)

const declared = declaration({ b: { x: 'double' } })

function epoch(name: string, start = T0): TestEpoch {
  return new TestEpoch(name, name, declared).add('b', [start, start + 1], { x: [1, 2] })
}

test('files of others in the directory are left alone, damaged ones too', async () => {
  const dir = data()
  mkdirSync(join(dir, '17000'), { recursive: true })
  const foreign = readFileSync(join(import.meta.dir, '../../../fixtures/g3/hk.g3'))
  const files = {
    '17000/1700050000.g3': foreign,
    '17000/1700050001.g3': foreign.subarray(0, 500),
    '17000/1700050002.g3': Buffer.alloc(0),
    '17000/1700050003.g3': Buffer.from('notes'),
  }
  for (const [path, bytes] of Object.entries(files)) writeFileSync(join(dir, path), bytes)
  for (const name of ['e1', 'e2']) {
    const { recorder, said } = await record(dir)
    epoch(name).feed(recorder)
    await recorder[Symbol.asyncDispose]()
    expect(said.filter((text) => text.startsWith('warning'))).toEqual([])
  }
  for (const [path, bytes] of Object.entries(files))
    expect(Buffer.compare(readFileSync(join(dir, path)), bytes)).toBe(0)
  expect(filesIn(dir).slice(4)).toEqual(['17000/1700050004.g3', '17000/1700050005.g3'])
})

test('the directory’s UUID stays, also when its own file is lost or spoilt', async () => {
  const dir = data()
  const { recorder } = await record(dir)
  epoch('e1').feed(recorder)
  const { id } = recorder
  await recorder[Symbol.asyncDispose]()
  const spoil = [
    () => {},
    () => rmSync(join(dir, '.ocs/data-dir')),
    () => writeFileSync(join(dir, '.ocs/data-dir'), '{"data'),
  ]
  for (const damage of spoil) {
    damage()
    const again = await record(dir)
    expect(again.recorder.id).toBe(id)
    await again.recorder[Symbol.asyncDispose]()
  }
  expect(JSON.parse(readFileSync(join(dir, '.ocs/data-dir'), 'utf8')).data_dir).toBe(id)
})

test('a directory of an earlier version is put right by itself; a recorder of that version is not disturbed', async () => {
  const dir = data()
  const { recorder } = await record(dir)
  epoch('e1').feed(recorder)
  const { id } = recorder
  await recorder[Symbol.asyncDispose]()
  await addNote(dir, { time: 1, text: 'cold', by: 'maya' })
  for (const [name, old] of [
    ['data-dir', '.ocs-data-dir'],
    ['notes.jsonl', 'notes.jsonl'],
    ['lock', '.ocs-recorder.lock'],
  ] as const)
    renameSync(join(dir, '.ocs', name), join(dir, old))
  rmSync(join(dir, '.ocs'), { recursive: true })
  expect(await readNotes(dir, 0, 9, 9)).toHaveLength(1)
  using held = new Database(join(dir, '.ocs-recorder.lock'))
  held.run('BEGIN EXCLUSIVE')
  await expect(record(dir)).rejects.toThrow('another recorder is using')
  expect(() => checkDataDir(dir)).toThrow('another recorder is using')
  expect(readdirSync(dir)).toContain('.ocs-data-dir')
  expect(readdirSync(dir)).toContain('notes.jsonl')
  held.close()
  const next = await record(dir)
  expect(next.recorder.id).toBe(id)
  await next.recorder[Symbol.asyncDispose]()
  expect(readdirSync(dir).sort()).toEqual(['.ocs', '17000'])
  expect(await readNotes(dir, 0, 9, 9)).toHaveLength(1)
})

test('a file system without links will do, and names that are taken are safe there too', async () => {
  const dir = data()
  const epochs = ['e1', 'e2'].map((name) => epoch(name))
  const noLinks: Disk = {
    ...disk,
    link: async () => {
      throw Object.assign(new Error('EPERM: operation not permitted, link'), { code: 'EPERM' })
    },
  }
  for (const each of epochs) {
    const { recorder } = await record(dir, { disk: noLinks })
    each.feed(recorder)
    await recorder[Symbol.asyncDispose]()
  }
  expect(filesIn(dir)).toEqual(['17000/1700050000.g3', '17000/1700050001.g3'])
  expect(recorded(dir)).toEqual(sent(epochs))
})

test('a file for longer than so3g looks is refused', async () => {
  const options = { dir: data(), root: 'observatory', timePerFile: 7200, log: () => {}, event: () => {} }
  const refused = Recorder.open(options)
  expect(refused).rejects.toThrow(
    '--time-per-file 7200: give more than 0 and at most 3600 s: so3g does not find',
  )
  expect(refused).rejects.toThrow(ConfigError)
})
