import { afterEach, expect, test } from 'bun:test'
import { appendFileSync, readFileSync, rmSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { audit } from './audit.ts'
import type { Witness } from './audit-judge.ts'
import { disk } from './disk.ts'
import {
  cleanUp,
  data,
  declaration,
  filesIn,
  framesOf,
  record,
  snapshot,
  T0,
  TestEpoch,
} from './recorder.test-aid.ts'

afterEach(cleanUp)

const temps = declaration({ temps: { T: 'double' } })

function epoch(name: string, count: number, start = T0): TestEpoch {
  const made = new TestEpoch('temperatures', name, temps)
  for (let i = 0; i < count; i++) made.add('temps', [start + i], { T: [i] })
  return made
}

/** A data directory with two epochs: one of 300 rows, and one of 200 rows of which 50 are lost. */
async function recordTwo(): Promise<string> {
  const dir = data()
  const { recorder } = await record(dir, { frameLength: 60 })
  epoch('e1', 300).feed(recorder)
  const second = epoch('e2', 200, T0 + 400)
  second.feed(recorder, 100)
  recorder.gap(second.from, 101, 150)
  recorder.rows(second.from, temps, second.rows.slice(150))
  await recorder[Symbol.asyncDispose]()
  return dir
}

test('a whole directory: every row is recorded or accounted for', async () => {
  const found = await audit(disk, await recordTwo())
  expect(found.damaged).toEqual([])
  expect(found.epochs.map(({ expected, recorded, samples }) => [expected, recorded, samples])).toEqual([
    [300, 300, 300],
    [200, 150, 150],
  ])
  expect(found.epochs.flatMap(({ missing, doubled }) => [...missing, ...doubled])).toEqual([])
  expect(found.epochs[1]?.gaps).toMatchObject([{ first: 101, last: 150, reason: 'gone from the spool' }])
})

test('a file that was cut, one that was copied and one that is gone are found', async () => {
  const dir = snapshot(await recordTwo())
  const [file = ''] = filesIn(dir)
  const path = join(dir, file)
  const bytes = readFileSync(path)
  appendFileSync(path, bytes)
  const doubled = await audit(disk, dir)
  expect(doubled.epochs[0]?.doubled[0]).toMatchObject({ first: 1 })
  truncateSync(path, bytes.length - 5)
  const cut = await audit(disk, dir)
  expect(cut.damaged).toMatchObject([{ file }])
  expect(cut.epochs[1]?.expected).toBeLessThan(200)
  await Bun.write(path, '')
  expect((await audit(disk, dir)).epochs).toEqual([])
})

const witness = (who: Witness['who'], epochs: Witness['epochs'], spool = 'spool-1'): Witness => ({
  who,
  instance: 'it',
  feed: 'temperatures',
  spool,
  epochs,
})

test('what came after the last row is not known from files alone, and is never called whole', async () => {
  const dir = await recordTwo()
  const [ended, newest] = (await audit(disk, dir)).epochs
  expect(ended).toMatchObject({
    expected: 300,
    missing: [],
    unknown: 'neither its agent nor its spool was available',
  })
  expect(newest).toMatchObject({
    expected: 200,
    missing: [],
    unknown: 'neither its agent nor its spool was available',
  })
  const asked = await audit(disk, dir, [
    witness('agent', [
      { epoch: 'e1', last: 300, acked: 300 },
      { epoch: 'e2', last: 207, acked: 200 },
    ]),
  ])
  expect(asked.epochs).toMatchObject([
    { unknown: null, waiting: 0, missing: [] },
    { unknown: null, waiting: 7, missing: [] },
  ])
  // An agent knows nothing of an epoch that its spool has released, or that was in an earlier spool.
  const [letGo] = (await audit(disk, dir, [witness('agent', [])])).epochs
  expect(letGo?.unknown).toBe('its agent no longer holds it')
  const [vanished] = (await audit(disk, dir, [witness('agent', [], 'spool-2')])).epochs
  expect(vanished?.unknown).toBe('the spool it was in (spool-1) is gone')
})

test('an epoch behind which another has begun is whole by the files alone, once a later head says so', async () => {
  const dir = data()
  const { recorder } = await record(dir, { frameLength: 60 })
  const first = epoch('e1', 300)
  first.feed(recorder)
  recorder.ended(first.from, 300)
  await recorder.flush()
  epoch('e2', 10, T0 + 7200).feed(recorder)
  await recorder[Symbol.asyncDispose]()
  expect((await audit(disk, dir)).epochs[0]).toMatchObject({ epoch: 'e1', unknown: null, missing: [] })
})

test('the last frame is cut off, the newest file is gone: seen by whoever knows of them', async () => {
  const dir = data()
  const { recorder } = await record(dir, { frameLength: 60, timePerFile: 600 })
  epoch('e1', 1000).feed(recorder)
  await recorder[Symbol.asyncDispose]()
  const files = filesIn(dir)
  expect(files.length).toBe(2)
  const newest = join(dir, files[1] ?? '')
  const whole = readFileSync(newest)
  const ends = framesOf(whole).frames.map(({ offset, bytes }) => offset + bytes.length)
  truncateSync(newest, ends.at(-2) ?? 0)
  const had = (await audit(disk, dir)).epochs[0]?.recorded ?? 0
  expect(had).toBeLessThan(1000)
  const held = [{ epoch: 'e1', last: 1000, acked: 1000 }]
  const tail = [{ first: had + 1, last: 1000 }]
  // Agents and spools do not know to which directory a row went.
  for (const who of ['agent', 'spool'] as const) {
    const [found] = (await audit(disk, dir, [witness(who, held)])).epochs
    expect(found?.missing).toEqual([])
    expect(found?.unknown).toStartWith('more rows of its agent were recorded, ')
  }
  const [told] = (await audit(disk, dir, [witness('recorder', held)])).epochs
  expect(told?.missing).toEqual(tail)
  rmSync(newest)
  const gone = await audit(disk, dir)
  expect(gone.moved).toEqual([{ file: files[1] ?? '', rows: 1000 - (gone.epochs[0]?.recorded ?? 0) }])
  expect(gone.epochs[0]?.missing).toMatchObject([{ last: 1000 }])
  // Even the list is gone: only a witness knows.
  rmSync(join(dir, '.ocs'), { recursive: true })
  expect((await audit(disk, dir)).epochs[0]).toMatchObject({ missing: [], unknown: expect.any(String) })
  expect((await audit(disk, dir, [witness('recorder', held)])).epochs[0]?.missing).toMatchObject([
    { last: 1000 },
  ])
  for (const file of files) rmSync(join(dir, file), { force: true })
  expect((await audit(disk, dir, [witness('recorder', held)])).epochs).toMatchObject([
    { recorded: 0, missing: [{ first: 1, last: 1000 }] },
  ])
})
