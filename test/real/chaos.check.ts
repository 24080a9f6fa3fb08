/**
 * `ocs chaos` as a user runs it, for five minutes with a new seed, judged by real spt3g. `CHAOS_MINUTES`,
 * `CHAOS_SEED` and `CHAOS_ARGS` (more of its flags) change the run, `OCS_BROKER` selects another broker.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { cpSync } from 'node:fs'
import { judgeRun } from '../../src/chaos/evidence.ts'
import { ROOT } from '../../src/chaos/lab-roles.ts'
import { placesOf } from '../../src/chaos/places.ts'
import { type ReadFiles, readBySpt3g, readFiles } from '../../src/chaos/read-files.ts'
import { type Finding, findingOf } from '../../src/chaos/report.ts'
import { SmallDisk } from '../../src/chaos/small-disk.ts'
import { BROKER_PATH } from './brokers.ts'
import { DemoLab } from './demo-lab.ts'
import { figure, Lab, until } from './roles.ts'
import { doubleRows, overwrite, removeRow, shiftTimes } from './spoil-recordings.ts'

const MINUTES = Number(process.env['CHAOS_MINUTES'] ?? 5)
const SEED = process.env['CHAOS_SEED'] ?? String(Date.now() % 1_000_000)
const MORE = (process.env['CHAOS_ARGS'] ?? '').split(' ').filter((word) => word !== '')
const BROKER = process.env['OCS_BROKER']
/** Seconds that starting, recording the rest and reading the files may take. */
const REST = 180 + 90 + 180
setDefaultTimeout((MINUTES * 60 + REST) * 1000)

test.concurrent(`${MINUTES} minutes of faults: nothing lost, doubled or shifted, as spt3g reads the files`, async () => {
  await using lab = new Lab()
  const python = spt3g()
  const flags = ['--minutes', String(MINUTES), '--seed', SEED, '--spt3g', python, ...MORE]
  if (BROKER !== undefined) flags.push('--broker', BROKER)
  figure(`ocs chaos --seed ${SEED} --minutes ${MINUTES}, on ${BROKER ?? 'ocs hub'}`)
  const { code, out, err } = await lab.run(
    ['chaos', ...flags],
    { env: { PATH: BROKER_PATH } },
    MINUTES * 60 + REST,
  )
  for (const line of out.split('\n')) if (line !== '') figure(line)
  expect(code, `${out}\n${err}`).toBe(0)
  expect(out).toContain('0 lost, 0 doubled, 0 shifted')
  // The foreign agent was at work meanwhile.
  expect(out).toMatch(/^a hostile agent misbehaved \d+ times, in \d+ ways$/m)
})

/** Half a minute with an occasional fault, in a folder that is kept. */
const calm = (lab: Lab, fault: string) => [
  ...['chaos', '--minutes', '0.4', '--faults', fault, '--every', '5', '--dir', lab.path('run')],
]
const TEMPERATURES = `${ROOT}.pty-1.feeds.temperatures`

test.concurrent('recordings that a disk has damaged are found out', async () => {
  await using lab = new Lab()
  const running = lab.start('chaos', [...calm(lab, 'garbage'), '--json'])
  await running.says('striking', 200)
  const { dataDir } = placesOf(lab.path('run'))
  await until('there is something to damage', 30, () => overwrite(dataDir, 50_000))
  const { code } = await running.ended(400)
  const { lost, ok } = JSON.parse(running.text('out')) as Finding
  expect(code, running.text('err')).toBe(1)
  expect(ok).toBe(false)
  expect(lost.length).toBeGreaterThan(0)
  figure(`64 bytes of a file overwritten: ${lost.length} readings found lost`)
})

test.concurrent('recordings that somebody has changed afterwards are found out, as ocs and as spt3g reads them', async () => {
  await using lab = new Lab()
  // A fault that does not explain missing readings.
  const { code, out, err } = await lab.run(calm(lab, 'file-moved'), {}, 400)
  expect(code, `${out}\n${err}`).toBe(0)
  const readers = { ocs: readFiles, spt3g: readBySpt3g(spt3g()) }
  const judged = async (
    name: string,
    spoil: (dataDir: string) => void,
    read: ReadFiles,
  ): Promise<Finding> => {
    const copy = lab.path(name)
    cpSync(lab.path('run'), copy, { recursive: true, filter: (path) => !path.endsWith('.tty') })
    spoil(placesOf(copy).dataDir)
    const about = { seed: 0, reader: 'ocs', command: '', dir: copy } as const
    return findingOf(await judgeRun(copy, read), about)
  }
  for (const [reader, read] of Object.entries(readers)) {
    const whole = await judged(`${reader}-whole`, () => {}, read)
    expect(whole).toMatchObject({ ok: true, lost: [], doubled: [], shifted: [] })
    for (const by of [0.5, -0.5]) {
      const { ok, shifted, lost } = await judged(`${reader}-${by}`, (dir) => shiftTimes(dir, by), read)
      expect([ok, lost]).toEqual([false, []])
      // All except those before which the machine, or the agent, stood still for as long.
      expect(shifted.length).toBeGreaterThan(whole.recorded / 2)
      figure(
        `times ${by} s off: ${shifted.length} of ${whole.recorded} readings found shifted, as ${reader} reads them`,
      )
    }
    const removed = await judged(`${reader}-removed`, (dir) => removeRow(dir, TEMPERATURES), read)
    // One of the six channels that are read also has a temperature.
    expect(removed).toMatchObject({ ok: false, doubled: [], shifted: [] })
    expect(removed.lost).toHaveLength(7)
    const doubled = await judged(`${reader}-doubled`, (dir) => doubleRows(dir, TEMPERATURES), read)
    expect(doubled).toMatchObject({ ok: false, lost: [], shifted: [] })
    expect(doubled.doubled.length).toBeGreaterThanOrEqual(7)
  }
  const damaged = await judged('ocs-overwritten', overwrite, readFiles)
  expect([damaged.ok, damaged.lost.length > 0]).toEqual([false, true])
  await expect(judged('spt3g-overwritten', overwrite, readers.spt3g)).rejects.toThrow(/cannot read/)
})

test.concurrent('a recorder that is started on a full disk waits for room', async () => {
  await using lab = new Lab()
  await lab.hub()
  const demo = new DemoLab(lab)
  const disk = await SmallDisk.mount(demo.dataDir)
  await disk.fill()
  await demo.sim240()
  demo.ls240(5)
  const recorder = demo.aggregator('--frame-length', '1')
  await recorder.says(/disk is full|no space left/i, 60)
  expect(recorder.end).toBeUndefined()
  await disk.free()
  await recorder.says('new file: ', 60)
  expect(await recorder.stop()).toMatchObject({ code: 0 })
  await disk.takeAway()
})

function spt3g(): string {
  const python = process.env['OCS_SPT3G_PYTHON']
  if (!python) throw new Error('OCS_SPT3G_PYTHON has to name the Python that has spt3g')
  return python
}
