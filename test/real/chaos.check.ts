/**
 * `ocs chaos` as a user runs it, for five minutes with a new seed, judged by real spt3g. `CHAOS_MINUTES`, `CHAOS_SEED` and
 * `CHAOS_ARGS` (more of its flags) ask for other runs.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Finding } from '../../src/chaos/report.ts'
import { SmallDisk } from '../../src/chaos/small-disk.ts'
import { filesOf } from './archive.ts'
import { DemoLab } from './demo-lab.ts'
import { figure, Lab, until } from './roles.ts'

const MINUTES = Number(process.env['CHAOS_MINUTES'] ?? 5)
const SEED = process.env['CHAOS_SEED'] ?? String(Date.now() % 1_000_000)
const MORE = (process.env['CHAOS_ARGS'] ?? '').split(' ').filter((word) => word !== '')
/** Seconds that starting, recording the rest and reading the files may take. */
const REST = 180 + 90 + 180
setDefaultTimeout((MINUTES * 60 + REST) * 1000)

test.concurrent(`${MINUTES} minutes of faults: nothing lost, nothing doubled, as spt3g reads the files`, async () => {
  await using lab = new Lab()
  const python = process.env['OCS_SPT3G_PYTHON']
  if (!python) throw new Error('OCS_SPT3G_PYTHON has to name the Python that has spt3g')
  const flags = ['--minutes', String(MINUTES), '--seed', SEED, '--spt3g', python, ...MORE]
  figure(`ocs chaos --seed ${SEED} --minutes ${MINUTES}`)
  const { code, out, err } = await lab.run(['chaos', ...flags], {}, MINUTES * 60 + REST)
  for (const line of out.split('\n')) if (line !== '') figure(line)
  expect(code, `${out}\n${err}`).toBe(0)
  expect(out).toContain('0 lost, 0 doubled')
})

test.concurrent('recordings that a disk has damaged are found out', async () => {
  await using lab = new Lab()
  const flags = [
    '--minutes',
    '0.4',
    '--faults',
    'garbage',
    '--every',
    '5',
    '--json',
    '--dir',
    lab.path('run'),
  ]
  const running = lab.start('chaos', ['chaos', ...flags])
  await running.says('striking', 200)
  await until('there is something to damage', 30, () => damage(lab.path('run', 'data')))
  const { code } = await running.ended(400)
  const { lost, ok } = JSON.parse(running.text('out')) as Finding
  expect(code, running.text('err')).toBe(1)
  expect(ok).toBe(false)
  expect(lost.length).toBeGreaterThan(0)
  figure(`64 bytes of a file overwritten: ${lost.length} readings found lost`)
})

test.concurrent('a recorder that is started on a full disk waits for room', async () => {
  await using lab = new Lab()
  await lab.hub()
  const demo = new DemoLab(lab)
  const disk = await SmallDisk.mount(demo.dataDir)
  await disk.fill()
  const recorder = demo.aggregator()
  await recorder.says(/disk is full|no space left/i, 60)
  expect(recorder.end).toBeUndefined()
  await disk.free()
  await recorder.says('recording to ', 60)
  expect(await recorder.stop()).toMatchObject({ code: 0 })
  await disk.takeAway()
})

/** Overwrites the middle of a `.g3` file of some size; false where there is none yet. */
function damage(dir: string): boolean {
  const [file] = filesOf(dir)
  if (file === undefined) return false
  const bytes = readFileSync(join(dir, file))
  if (bytes.length < 50_000) return false
  const fd = openSync(join(dir, file), 'r+')
  writeSync(fd, Buffer.alloc(64, 0xff), 0, 64, Math.floor(bytes.length / 2))
  closeSync(fd)
  return true
}
