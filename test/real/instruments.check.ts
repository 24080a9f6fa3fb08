/**
 * The effects of instruments and their cables on an agent: it never ends, publishes no value that was not
 * sent for that channel, and recovers by itself. `REPLUGS=1000` is the long run; `SEED=…` repeats a run's
 * faults.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { startLakeshore240 } from '../../src/simulators/lakeshore240.ts'
import { startLakeshore372 } from '../../src/simulators/lakeshore372.ts'
import type { Simulator } from '../../src/simulators/simulator.ts'
import type { Reading } from '../../src/simulators/truth.ts'
import { DemoLab } from './demo-lab.ts'
import { Listener, type Seen } from './listener.ts'
import { figure, Lab, type Running, SLOW, seconds, until } from './roles.ts'

setDefaultTimeout(24 * 3_600_000)

const REPLUGS = Number(process.env['REPLUGS'] ?? 6)
const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
/** Seconds until readings resume after a cable is back. */
const RESUMED = 2
/** The same if the machine stalled meanwhile. */
const STALLED = 12
/**
 * Seconds of replies that are lost, late, torn or noise, and the number of rows that have to come meanwhile.
 */
const STORM = 5
const STORM_ROWS = 3

/** An agent with a simulated instrument whose cable and faults the check controls. */
interface Bench extends AsyncDisposable {
  readonly lab: Lab
  readonly agent: Running
  readonly sim: Simulator
  readonly listener: Listener
  readonly truth: string
  readonly instance: string
}

async function bench(kind: '240' | '372'): Promise<Bench> {
  await using opened = new AsyncDisposableStack()
  const lab = opened.use(new Lab())
  const demo = new DemoLab(lab)
  await lab.hub()
  const truth = lab.path('truth.jsonl')
  const listener = await Listener.open(lab)
  const sim =
    kind === '240'
      ? await startLakeshore240({ serialNumber: 'LSA21OQ', pty: demo.pty, truth, seed: SEED })
      : await startLakeshore372({ serialNumber: 'LSA22YG', tcp: '127.0.0.1:7771', truth, seed: SEED })
  const agent = kind === '240' ? demo.ls240(10) : demo.agent('control', '--ip-address', '127.0.0.1:7771')
  opened.defer(() => sim.close())
  await listener.next(() => true, performance.now(), 60)
  const all = opened.move()
  return {
    ...{ lab, agent, sim, listener, truth },
    instance: kind === '240' ? 'ls240' : 'control',
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

test.each([
  ['240', 'a pseudo-terminal that vanishes and returns'],
  ['372', 'a TCP port that vanishes and returns'],
] as const)('a cable pulled and put back, again and again: %s, %s', async (kind) => {
  await using at = await bench(kind)
  const { sim, listener, agent } = at
  const resumed: number[] = []
  for (let cycle = 0; cycle < REPLUGS; cycle++) {
    await sim.unplug()
    // Mostly short; sometimes long enough for the agent's retries to have slowed down.
    await seconds(cycle % 10 === 4 ? 5 : 0.05 + 0.5 * Math.random())
    await sim.plugIn()
    const [back, mark] = [performance.now(), agent.mark]
    // A 372 has no readings before its scanner has settled on a channel.
    const well =
      kind === '240' ? listener.next(() => true, back) : agent.says('the instrument is back', 20, mark)
    resumed.push(((await well).at - back) / 1000)
    // It continues to read for a moment before the next.
    await seconds(0.2)
  }
  expect(agent.end).toBeUndefined()
  const sorted = resumed.toSorted((a, b) => a - b)
  const [median = 0, most = 0, max = 0] = [0.5, 0.8, 1].map(
    (share) => sorted[Math.ceil(share * sorted.length) - 1],
  )
  const late = resumed.filter((time) => time > RESUMED).length
  figure(
    `${kind}: ${REPLUGS} cables pulled and put back: readings again after ${median.toFixed(2)} s (median), ` +
      `${max.toFixed(2)} s (max), ${late} of them after more than ${RESUMED} s, 0 exits`,
  )
  if (late > 0)
    figure(
      `the late ones: ${resumed.flatMap((time, at) => (time > RESUMED ? [`${at}: ${time.toFixed(2)}`] : [])).join(', ')}`,
    )
  await ends(at)
  // A machine that is busy with something else may stall a few of them.
  expect(most).toBeLessThan(SLOW * RESUMED)
  expect(max).toBeLessThan(SLOW * STALLED)
})

test('replies that are lost, late, torn, doubled or noise: each costs its value, and none is taken for another', async () => {
  for (const kind of ['240', '372'] as const) {
    await using at = await bench(kind)
    const { sim, listener } = at
    const start = performance.now()
    const faults = [
      ...[
        { kind: 'missing' },
        { kind: 'garbage' },
        { kind: 'nul' },
        { kind: 'half-line' },
        { kind: 'duplicate' },
      ],
      ...[
        { kind: 'delay', ms: 2500 },
        { kind: 'split', ms: 30 },
      ],
    ] as Parameters<typeof sim.faults.inject>[0][]
    // One bad reply in fourteen, and in seven for the 372, which is queried less: a link that is lost
    // meanwhile comes back, as each of the forty queries at its opening is tried three times.
    for (const fault of faults)
      sim.faults.inject(fault, { times: Number.POSITIVE_INFINITY, chance: kind === '240' ? 0.01 : 0.02 })
    await seconds(STORM)
    const soFar = () => listener.rows.filter(({ at: when }) => when >= start).length
    await until('rows come in spite of it', 60, () => soFar() >= STORM_ROWS)
    sim.faults.clear()
    const cleared = performance.now()
    const lasted = ((cleared - start) / 1000).toFixed(1)
    const { at: well } = await listener.next((seen) => unread(seen) === 0, cleared, 40)
    const rows = listener.rows.filter(({ at: when }) => when >= start)
    const spoilt = rows.filter((seen) => unread(seen) > 0).length
    const values = matchTruth(at, rows)
    figure(
      `${kind}: ${lasted} s of bad replies (seed ${SEED}): ${rows.length} rows, ${spoilt} with a value missing; all ${values} ` +
        `values are those sent for their channel; whole again ${((well - cleared) / 1000).toFixed(2)} s after it ended`,
    )
    await ends(at)
  }
})

test('silent, noise at any rate, or another instrument: degraded with the reason, asked ever less often, back by itself', async () => {
  await using at = await bench('240')
  const { sim, listener, lab, agent } = at
  const session = () => lab.session('ls240', 'acq')
  const troubles = [
    ['silent', /no (reply|answer)/, () => sim.faults.inject({ kind: 'hang' })],
    // The effect of a wrong baud rate: unreadable bytes.
    ['noise', /baud rate/, () => sim.faults.inject({ kind: 'garbage' }, { times: Number.POSITIVE_INFINITY })],
    [
      'another serial number',
      /serial number LSA99ZZ, not LSA21OQ/,
      () => sim.faults.inject({ kind: 'serial-number', serialNumber: 'LSA99ZZ' }),
    ],
  ] as const
  for (const [name, reason, begin] of troubles) {
    const mark = agent.mark
    begin()
    // An instrument that was exchanged during reading is noticed at the next opening.
    if (name === 'another serial number') await sim.unplug().then(() => sim.plugIn())
    await agent.says(reason, 30, mark)
    expect(await session()).toMatchObject({ status: 'running', degraded: true })
    await seconds(1)
    sim.faults.clear()
    const back = performance.now()
    const { at: well } = await listener.next((seen) => unread(seen) === 0, back, 40)
    figure(`${name} for some seconds: whole again ${((well - back) / 1000).toFixed(1)} s after it ended`)
    await until('well again', 5, async () => (await session())?.['degraded'] === false)
  }
  await ends(at)
})

/** Number of values in a row that could not be read. */
function unread({ row }: Seen): number {
  return Object.entries(row.data).filter(([name, [value]]) => name.endsWith('_status') && value === -1).length
}

/** Stops the agent, which must end normally, without an internal error. */
async function ends({ agent }: Bench): Promise<void> {
  expect(await agent.stop()).toMatchObject({ code: 0 })
  expect(agent.lines.filter(({ text }) => /error: bug|^ +at /.test(text))).toEqual([])
}

/**
 * Checks that every published value is one that the simulator sent for that channel and quantity; returns
 * their number.
 */
function matchTruth({ truth }: Bench, rows: readonly Seen[]): number {
  const sent = new Set(
    readFileSync(truth, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Reading)
      .map(({ channel, quantity, value }) => `${channel} ${quantity} ${value}`),
  )
  const quantities: Record<string, string> = { T: 'kelvin', V: 'sensor', R: 'sensor' }
  const values = rows.flatMap(({ row }) =>
    Object.entries(row.data).flatMap(([name, column]) => {
      const [, channel, letter = ''] = /^Channel_0?(\w+)_([TVR])$/.exec(name) ?? []
      return channel === undefined
        ? []
        : (column as unknown[])
            .filter((value) => typeof value === 'number' && value !== 0)
            .map((value) => `${channel} ${quantities[letter]} ${value}`)
    }),
  )
  expect(values.filter((value) => !sent.has(value))).toEqual([])
  return values.length
}
