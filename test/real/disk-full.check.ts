/**
 * One disk for spool and recordings that repeatedly fills up and is freed, and one that is read-only; real
 * processes. `OCS_DISK_CYCLES=100` for a long run.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { compare, samplesOf, spooled, unacknowledged } from './archive.ts'
import { DemoLab, SITE } from './demo-lab.ts'
import { ownerSubscriber, subscriber } from './listener.ts'
import { figure, Lab, type Running, SLOW, seconds, since, until } from './roles.ts'
import { SmallDisk } from './small-disk.ts'

setDefaultTimeout(1_500_000)

const CYCLES = Number(process.env['OCS_DISK_CYCLES'] ?? 4)
const HERTZ = 10
/** Seconds that the disk stays full, in turn. After 5 s the agent sends rows from memory. */
const FULL = [0.3, 7, 1]

const REFUSED = 'error: the spool cannot be written: database or disk is full'

/** A lab with state and recordings on one small disk. */
async function smallLab(lab: Lab): Promise<{ demo: DemoLab; disk: SmallDisk }> {
  const disk = new SmallDisk(lab.path('small'), 48)
  for (const name of ['state', 'data']) {
    mkdirSync(lab.path('small', name))
    symlinkSync(lab.path('small', name), lab.path(name))
  }
  await lab.hub()
  const demo = new DemoLab(lab)
  await demo.sim240('--counter')
  return { demo, disk }
}

/** Ends acquisition, waits until everything is recorded, and checks the rows and readings one by one. */
async function allThere(lab: Lab, demo: DemoLab, agent: Running, recorder: Running): Promise<number> {
  expect((await lab.run(['ctrl', 'stop', '--target=ls240'])).code).toBe(0)
  await until('everything is recorded', 30, () => unacknowledged(lab.path('state')) === 0)
  for (const role of [agent, recorder]) expect(await role.stop()).toMatchObject({ code: 0 })
  const kept = spooled(lab.path('state'))
  const values = kept.flatMap(({ row }) =>
    Object.entries(row.data).flatMap(([name, column]) => (name.endsWith('_status') ? [] : column)),
  )
  // Every row that the agent made has a number; none is left out.
  expect(kept.map(({ row }) => row.seq)).toEqual(kept.map((_, at) => at + 1))
  // Each reading is there once. A reading beyond its sensor's curve, or one that did not come, is NaN.
  const numbers = new Set(values.filter((value) => typeof value === 'number'))
  const beyond = values.filter((value) => value === 'NaN').length
  expect(numbers.size + beyond).toBe(values.length)
  expect(Math.max(...numbers)).toBeLessThanOrEqual(values.length)
  await compare(lab, demo.dataDir, kept)
  const audit = await lab.run(['audit', '--data-dir', demo.dataDir, '--json'])
  expect(audit.code, audit.err).toBe(0)
  for (const { gaps } of JSON.parse(audit.out).epochs) expect(gaps).toEqual([])
  return samplesOf(kept)
}

test(`${CYCLES} × disk full: an alarm, no acknowledgement, and nothing lost`, async () => {
  await using lab = new Lab()
  const { demo, disk } = await smallLab(lab)
  using _disk = disk
  const events = lab.program('events', subscriber('events', 'observatory/+/events', '%t %p'))
  const acks = lab.program('acks', ownerSubscriber(lab, 'acks', 'observatory/+/ack/+', '%t %p'))
  const agent = demo.ls240(HERTZ)
  const recorder = demo.aggregator('--frame-length', '0.2')
  await agent.says('Channel_1 ', 40)
  await recorder.says('new file: ', 40)
  await until('rows are acknowledged', 20, () => acks.lines.length > 0)
  const resumed: number[] = []
  let spools = 0
  for (let cycle = 0; cycle < CYCLES; cycle++) {
    await seconds(0.5)
    const [spool, files] = [agent.mark, recorder.mark]
    disk.fill()
    const told = await recorder.says(/error: \S+ cannot be written: the disk is full/, 60, files)
    await seconds(FULL[cycle % FULL.length] ?? 1)
    // Acknowledgements in flight have arrived by then.
    const acked = acks.lines.filter(({ at }) => at > told.at + 2000)
    expect(acked.map(({ text }) => text)).toEqual([])
    disk.free()
    const freed = performance.now()
    // The spool continues for a while in the space that its log already occupies.
    const refused = agent.lines.slice(spool).some(({ text }) => text.includes(REFUSED))
    if (refused) spools++
    await Promise.all([
      recorder.says('writing works again', 60, files),
      refused && agent.says('the spool can be written again', 60, spool),
    ])
    resumed.push(since(freed))
  }
  expect(Math.max(...resumed)).toBeLessThan(SLOW * 5)
  expect(spools).toBeGreaterThan(0)
  expect(events.text()).toMatch(/aggregator\/events .*"level":"error","kind":"disk"/)
  expect(events.text()).toMatch(/ls240\/events .*"level":"error","kind":"spool"/)
  const { counters } = ((await lab.session('aggregator', 'record'))?.['data'] ?? {}) as {
    counters?: Record<string, number>
  }
  expect(counters).toMatchObject({ disk_failures: CYCLES, gaps: 0, unnumbered: 0 })
  const samples = await allThere(lab, demo, agent, recorder)
  const worst = Math.max(...resumed).toFixed(2)
  figure(
    `${CYCLES} times full, ${spools} of them for the spool: ${samples} samples, none lost, none doubled; written again ≤ ${worst} s after there was room`,
  )
})

test('a data directory that is read-only when recording starts: degraded until it is not, and nothing lost', async () => {
  await using lab = new Lab()
  const { demo, disk } = await smallLab(lab)
  using _disk = disk
  const agent = demo.ls240(HERTZ, '--state-dir', lab.path('local'))
  const recorder = demo.aggregator(
    '--frame-length',
    '0.2',
    '--initial-state=idle',
    '--state-dir',
    lab.path('local'),
  )
  await agent.says('Channel_1 ', 40)
  await recorder.says('idle: ', 40)
  const start = () => lab.run(['ctrl', 'start', 'aggregator', 'record'])
  disk.readOnly(true)
  expect((await start()).code).toBe(0)
  await recorder.says(/record: data directory .*read-only/i)
  const state = await until('it is degraded', 5, () =>
    lab.session('aggregator', 'record').then((now) => now?.['degraded'] === true),
  )
  expect(state).toBe(true)
  disk.readOnly(false)
  const freed = performance.now()
  await recorder.says('recording to ')
  await recorder.says('new file: ')
  expect(since(freed)).toBeLessThan(SLOW * 5)
  figure(`recording ${since(freed).toFixed(2)} s after a read-only disk could be written`)
})

test('the disk of the recordings is unmounted while it is written: degraded, nothing is made in its place, nothing is lost', async () => {
  await using lab = new Lab()
  await lab.hub()
  const demo = new DemoLab(lab)
  await demo.sim240('--counter')
  const disk = new SmallDisk(demo.dataDir, 48)
  const agent = demo.ls240(HERTZ)
  let recorder = demo.aggregator('--frame-length', '0.2')
  await agent.says('Channel_1 ', 40)
  await recorder.says('new file: ', 40)
  await until('rows are acknowledged', 20, () => unacknowledged(lab.path('state')) < 5)
  disk[Symbol.dispose]()
  await recorder.says(/error: data directory \S+ is on another disk than before: mount its disk again/, 20)
  await until('it is degraded', 5, () =>
    lab.session('aggregator', 'record').then((now) => now?.['degraded'] === true),
  )
  await seconds(2)
  expect(readdirSync(demo.dataDir)).toEqual([])
  expect(unacknowledged(lab.path('state'))).toBeGreaterThan(5)
  // Restarting it means the folder that is there now, so the rows that agents hold go there.
  expect(await recorder.stop()).toMatchObject({ code: 0 })
  recorder = demo.aggregator('--frame-length', '0.2')
  await recorder.says('new file: ', 40)
  await allThere(lab, demo, agent, recorder)
})

test('the disk of the state is full: what can work begins and says so, what cannot says what to do', async () => {
  await using lab = new Lab()
  const { disk } = await smallLab(lab)
  using _disk = disk
  // The recordings and the spool of one agent are on another disk.
  const demo = new DemoLab(lab, lab.path('recordings'))
  const local = ['--state-dir', lab.path('local')]
  const agent = demo.ls240(HERTZ, ...local)
  await agent.says('Channel_1 ', 40)
  disk.fill()
  let recorder = demo.aggregator('--frame-length', '0.2')
  await recorder.says('new file: ', 40)
  await recorder.says(
    /error: what was done is not kept over restarts: \S+aggregator\.sessions\S+ .*make room/,
  )
  await recorder.says('nothing is acknowledged, so agents keep their rows: ')
  await until('it is degraded', 5, () =>
    lab.session('aggregator', 'record').then((now) => now?.['degraded'] === true),
  )
  for (const node of ['ls240-node', 'archive'])
    await demo
      .agent(node, ...(node === 'archive' ? ['--data-dir', demo.dataDir] : []))
      .says('session joined', 40)
  await lab.start('bridge', ['bridge', ...SITE]).says('transport connected', 40)
  const refused = await lab.run(['agent', '--instance-id', 'control', '--ip-address', '127.0.0.1:1', ...SITE])
  expect(refused.code).toBe(2)
  expect(refused.err).toMatch(/^ocs: \S+control\.sqlite: .*: make room on its disk, or choose another/m)
  // Once there is room its key is written, and recorded rows are acknowledged, without a restart.
  await until('rows wait', 20, () => unacknowledged(lab.path('local')) > 40)
  disk.free()
  await until('rows are acknowledged', 20, () => unacknowledged(lab.path('local')) < 10)
  expect(await recorder.stop()).toMatchObject({ code: 0 })
  // A key that exists already is enough, however full the disk.
  disk.fill()
  recorder = demo.aggregator('--frame-length', '0.2')
  await recorder.says('new file: ', 40)
  await until('rows are acknowledged', 20, () => unacknowledged(lab.path('local')) < 10)
  const { epochs } = JSON.parse((await lab.run(['audit', '--data-dir', demo.dataDir, '--json'])).out)
  expect(epochs).toMatchObject([{ gaps: [], missing: [], doubled: [] }])
})

test('ocs up begins on a full disk of state, and what it runs records', async () => {
  await using lab = new Lab()
  using disk = new SmallDisk(lab.path('state'), 8)
  const site = lab.path('site.yaml')
  writeFileSync(
    site,
    `hub: {wamp_realm: test_realm, address_root: observatory, wamp_server: 'ws://127.0.0.1:8001/ws'}
hosts:
  here:
    agent-instances:
      - {agent-class: AggregatorAgent, instance-id: aggregator, manage: host/up, arguments: ['--data-dir', '${lab.path('data')}']}
`,
  )
  disk.fill()
  const up = lab.start('up', ['up', '--site-file', site, '--site-host', 'here'])
  await up.says(/recording to /, 40)
  await up.says(/what was done is not kept over restarts: .*make room/)
  expect(await up.stop()).toMatchObject({ code: 0 })
})
