/** `ocs audit` of real processes: an unknown end is never reported as complete. */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { type Spooled, spooled, unacknowledged } from './archive.ts'
import { DemoLab, SITE } from './demo-lab.ts'
import { Lab, until } from './roles.ts'

setDefaultTimeout(400_000)

/** The result of `ocs audit` for each epoch, the oldest rows first. */
async function audited(lab: Lab, dir: string, ...flags: string[]) {
  const { code, out, err } = await lab.run(['audit', '--data-dir', dir, '--json', ...flags])
  expect(code, err).toBe(0)
  const { epochs } = JSON.parse(out) as {
    epochs: { epoch: string; recorded: number; unknown: string | null }[]
  }
  return new Map(epochs.map((each) => [each.epoch, each]))
}

test('a recorder stands still, and rows go with their spool meanwhile: the epoch is not whole, for anyone asked', async () => {
  await using lab = new Lab()
  const demo = new DemoLab(lab)
  const hub = await lab.hub()
  await demo.sim240('--counter')
  const state = lab.path('agent-state')
  const start = (...args: string[]) => demo.ls240(10, '--state-dir', state, ...args)
  const rows = () => spooled(state)
  let agent = start()
  // One second per file, so that each has a head with the state known by then.
  const recorder = demo.aggregator('--frame-length', '0.2', '--time-per-file', '1')
  await agent.says('Channel_1 ', 40)
  await until('rows are acknowledged', 60, () => rows().length > 20 && unacknowledged(state) < 5)
  recorder.signal('SIGSTOP')
  const mark = hub.mark
  await hub.says(/aggregator/, 40, mark)
  // Now the hub sends it nothing any more: new rows are only in the spool.
  const before = rows().length
  await until('more rows are in the spool', 20, () => rows().length > before + 10)
  await agent.kill()
  const gone: Spooled[] = rows()
  rmSync(state, { recursive: true })
  recorder.signal('SIGCONT')
  await recorder.says('transport connected', 30, recorder.mark)
  const epoch = gone[0]?.row.epoch ?? ''
  const away = (await audited(lab, demo.dataDir, ...SITE)).get(epoch)
  expect(away?.recorded).toBeLessThan(gone.length)
  expect(away?.unknown).toBe('neither its agent nor its spool was available')
  agent = start()
  await agent.says('Channel_1 ', 40)
  await until('the next epoch is recorded', 60, () => rows().length > 30 && unacknowledged(state) < 5)
  const back = (await audited(lab, demo.dataDir, ...SITE)).get(epoch)
  expect(back?.recorded).toBe(away?.recorded ?? 0)
  expect(back?.unknown).toMatch(/^the spool it was in \(\S+\) is gone$/)
  for (const role of [agent, recorder]) expect(await role.stop()).toMatchObject({ code: 0 })
})
