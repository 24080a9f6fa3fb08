/**
 * The field's own indexer, `hkdb` of sotodlib, reads our recordings, those of OCS's aggregator, and both in
 * one folder.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readNotes } from '../../src/storage/recorder/notes.ts'
import { DemoLab } from './demo-lab.ts'
import { figure, Lab, seconds } from './roles.ts'

setDefaultTimeout(400_000)

/** Python with sotodlib, so3g and ocs. */
const PYTHON = process.env['OCS_HKDB_PYTHON']
const SCRIPT = join(import.meta.dir, 'hkdb.py')
const THEIRS = 'theirs.temperatures.T'
const OURS = 'ls240.temperatures.Channel_1_T'
const COUNT = 500

async function python(lab: Lab, ...args: string[]): Promise<string> {
  if (!PYTHON) throw new Error('OCS_HKDB_PYTHON has to name the Python that has sotodlib, so3g and ocs')
  const running = lab.program('python', [PYTHON, SCRIPT, ...args])
  const { code } = await running.ended(120)
  if (code !== 0) throw new Error(running.text())
  return running.text('out').trim()
}

/** Samples of each field as found by hkdb. */
async function indexed(lab: Lab, dir: string, ...fields: string[]): Promise<number[]> {
  const text = await python(lab, 'read', dir, lab.path(`hk-${crypto.randomUUID()}.db`), ...fields)
  const lines = text.split('\n').filter((line) => fields.includes(line.split(' ')[0] ?? ''))
  return lines.map((line) => Number(line.split(' ')[1]))
}

test('hkdb indexes our directory with all that is ours in it, OCS’s, and one with both', async () => {
  await using lab = new Lab()
  await lab.hub()
  const demo = new DemoLab(lab)
  await demo.sim240('--counter')
  const agent = demo.ls240(10)
  const recorder = demo.aggregator('--frame-length', '0.5')
  await recorder.says('new file: ', 40)
  expect((await lab.run(['ctrl', 'note', 'cold', '--site-hub', 'mqtt://127.0.0.1:1883'])).code).toBe(0)
  await seconds(2)
  for (const role of [agent, recorder]) expect(await role.stop()).toMatchObject({ code: 0 })
  const ours = demo.dataDir
  // A torn end is kept in our own folder, too.
  const [file = ''] = [...new Bun.Glob('*/*.g3').scanSync(ours)].sort()
  writeFileSync(join(ours, file), Buffer.alloc(100), { flag: 'a' })
  const again = demo.aggregator('--frame-length', '0.5')
  await again.says('has a torn end', 40)
  expect(await again.stop()).toMatchObject({ code: 0 })
  expect(readdirSync(ours).sort()).toEqual(['.ocs', file.slice(0, 5)])
  expect(
    [...new Bun.Glob('.ocs/**').scanSync({ cwd: ours, dot: true })].filter((name) => name.endsWith('.g3')),
  ).toEqual([])
  const audited = JSON.parse((await lab.run(['audit', '--data-dir', ours, '--json'])).out) as {
    epochs: { address: string; samples: number }[]
  }
  const samples = audited.epochs.reduce((sum, epoch) => sum + epoch.samples, 0)
  expect(samples).toBeGreaterThan(10)

  expect(await indexed(lab, ours, OURS)).toEqual([samples])
  const theirs = lab.path('theirs')
  mkdirSync(theirs)
  const start = Math.floor(Date.now() / 1000) - COUNT
  await python(lab, 'write', theirs, String(start), String(COUNT))
  expect(await indexed(lab, theirs, THEIRS)).toEqual([COUNT])

  // Our recordings move into the folder that theirs began, and continue there.
  cpSync(theirs, ours, { recursive: true })
  expect(await indexed(lab, ours, OURS, THEIRS)).toEqual([samples, COUNT])
  const third = demo.aggregator('--frame-length', '0.5')
  await third.says('recording to ', 40)
  expect(await third.stop()).toMatchObject({ code: 0 })
  expect(await indexed(lab, ours, OURS, THEIRS)).toEqual([samples, COUNT])
  figure(`hkdb: ${samples} samples of ours and ${COUNT} of OCS's aggregator in one directory`)

  // A directory as an earlier version left it: hkdb stops at it, and the next start puts it right.
  for (const [name, old] of [
    ['data-dir', '.ocs-data-dir'],
    ['notes.jsonl', 'notes.jsonl'],
    ['lock', '.ocs-recorder.lock'],
  ] as const)
    renameSync(join(ours, '.ocs', name), join(ours, old))
  rmSync(join(ours, '.ocs'), { recursive: true })
  await expect(indexed(lab, ours, OURS)).rejects.toThrow('NotADirectoryError')
  const moved = demo.aggregator('--frame-length', '0.5')
  await moved.says('recording to ', 40)
  expect(await moved.stop()).toMatchObject({ code: 0 })
  expect(existsSync(join(ours, 'notes.jsonl'))).toBe(false)
  expect((await readNotes(ours, 0, 1e11, 10)).map(({ text }) => text)).toEqual(['cold'])
  expect(await indexed(lab, ours, OURS, THEIRS)).toEqual([samples, COUNT])
})
