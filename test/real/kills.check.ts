/**
 * kill -9 at random moments: the recorder's files hold every sample once. The seed is printed; `SEED=…`
 * repeats a run's moments. `KILLS=1000` is the long run.
 */

import { expect, setDefaultTimeout, test } from 'bun:test'
import { seeded } from '../random.ts'
import { compare, filesOf, keyOf, samplesOf, spooled, unacknowledged } from './archive.ts'
import { DemoLab } from './demo-lab.ts'
import { Listener, type Seen } from './listener.ts'
import { figure, Lab, type Running, seconds, until } from './roles.ts'

const KILLS = Number(process.env['KILLS'] ?? 20)
setDefaultTimeout(240_000 + 4000 * KILLS)

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
/** Seconds of data in a frame: some are always open, and some being written. */
const FRAME = ['--frame-length', '0.5']
const HERTZ = 10

/** Ends acquisition and waits until the agents know that all their rows are recorded. */
async function recordAll(lab: Lab, ...agents: string[]): Promise<void> {
  const { code, err } = await lab.run(['ctrl', 'stop', ...agents.map((agent) => `--target=${agent}`)])
  expect(code, err).toBe(0)
  await until('everything is recorded', 60, () => unacknowledged(lab.path('state')) === 0)
}

async function stopAll(...roles: Running[]): Promise<void> {
  for (const role of roles) expect(await role.stop()).toMatchObject({ code: 0 })
}

test('kill -9 of the recorder, again and again: no sample is lost or doubled', async () => {
  await using lab = new Lab()
  const random = seeded(SEED)
  figure(`seed ${SEED}`)
  const demo = new DemoLab(lab)
  await lab.hub()
  const { rows } = await Listener.open(lab)
  await demo.sim240('--counter')
  const agent = demo.ls240(HERTZ)
  const fast = demo.agent('control', '--ip-address', '127.0.0.1:7771')
  await lab.sim('372', 'LSA22YG', '--tcp', '127.0.0.1:7771')
  let recorder = demo.aggregator(...FRAME)
  await agent.says('Channel_1 ', 40)
  for (let kill = 1; kill <= KILLS; kill++) {
    await seconds(0.2 + 2.5 * random())
    await recorder.kill()
    if (random() < 0.3) await seconds(2 * random())
    recorder = demo.aggregator(...FRAME)
  }
  await recordAll(lab, 'ls240', 'control')
  await stopAll(agent, fast, recorder)

  const kept = spooled(lab.path('state'))
  expect(kept.map(keyOf).sort()).toEqual(rows.map(keyOf).sort())
  counted(rows)
  await compare(lab, demo.dataDir, kept)
  figure(
    `${KILLS} kills, ${samplesOf(kept)} samples in ${filesOf(demo.dataDir).length} files: none lost, none doubled`,
  )
})

/** Checks that all numbers of the counting simulator are there, in order. */
function counted(rows: readonly Seen[]): void {
  const values = rows
    .filter(({ instance }) => instance === 'ls240')
    .flatMap(({ row }) =>
      Object.entries(row.data)
        .filter(([name]) => !name.endsWith('_status'))
        .flatMap(([, column]) => column as number[])
        .sort((a, b) => a - b),
    )
  expect(values).toEqual(values.map((_, at) => at + 1))
}

test('recorder, hub and agent killed by turns: what was published is recorded once', async () => {
  await using lab = new Lab()
  const random = seeded(SEED + 1)
  const demo = new DemoLab(lab)
  let hub = await lab.hub()
  const { rows } = await Listener.open(lab)
  await demo.sim240('--counter')
  let agent = demo.ls240(HERTZ)
  let recorder = demo.aggregator(...FRAME)
  await agent.says('Channel_1 ', 40)
  const kills = { recorder: 0, hub: 0, agent: 0 }
  const printed: string[] = []
  for (let kill = 0; kill < KILLS; kill++) {
    await seconds(0.5 + 2 * random())
    const whom = random()
    if (whom < 0.3) {
      kills.hub++
      await hub.kill()
      await seconds(1.5 * random())
      hub = await lab.hub()
    } else if (whom < 0.6) {
      kills.agent++
      await agent.kill()
      printed.push(...readings(agent))
      agent = demo.ls240(HERTZ)
    } else {
      kills.recorder++
      await recorder.kill()
      recorder = demo.aggregator(...FRAME)
    }
  }
  await seconds(3)
  await agent.says('Channel_1 ', 40)
  await recordAll(lab, 'ls240')
  await stopAll(agent, recorder)
  printed.push(...readings(agent))

  const kept = spooled(lab.path('state'))
  const keys = new Set(kept.map(keyOf))
  expect(rows.map(keyOf).filter((key) => !keys.has(key))).toEqual([])
  // A reading is printed once it is on disk, so those printed while the hub was away are recorded too.
  expect(kept.length).toBeGreaterThanOrEqual(printed.length)
  await compare(lab, demo.dataDir, kept)
  figure(
    `${kills.recorder} kills of the recorder, ${kills.hub} of the hub, ${kills.agent} of the agent: ` +
      `${kept.length} rows (${rows.length} seen live, ${printed.length} printed), none lost, none doubled`,
  )
})

function readings(agent: Running): string[] {
  return agent.lines
    .filter(({ from, text }) => from === 'out' && text.includes('Channel_1 '))
    .map(({ text }) => text)
}
