import { afterEach, expect, test } from 'bun:test'
import { appendFileSync, readFileSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { audit } from './audit.ts'
import { disk } from './disk.ts'
import { cleanUp, declaration, filesIn, folder, record, snapshot, TestEpoch } from './recorder.test-aid.ts'

afterEach(cleanUp)

const T0 = 1_700_050_000
const temps = declaration({ temps: { T: 'double' } })

function epoch(name: string, count: number, start = T0): TestEpoch {
  const made = new TestEpoch('temperatures', name, temps)
  for (let i = 0; i < count; i++) made.add('temps', [start + i], { T: [i] })
  return made
}

/** A data directory with two epochs: 300 rows, and 200 of which 50 are lost. */
async function recordTwo(): Promise<string> {
  const dir = join(folder(), 'data')
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
