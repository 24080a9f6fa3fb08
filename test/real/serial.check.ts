/**
 * The 240 on a serial line, read as fast as it answers; the line vanishes, freezes and comes back.
 * `SERIAL_SECONDS=600` is the long run.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { DemoLab } from './demo-lab.ts'
import { Listener, type Seen } from './listener.ts'
import { figure, Lab, SLOW, seconds, since } from './roles.ts'

const RUN = Number(process.env['SERIAL_SECONDS'] ?? 60)
setDefaultTimeout(180_000 + 1000 * RUN)

/** More sweeps per second than the simulated module can give: the agent reads as fast as possible. */
const FULL_RATE = 100
/** Minimum queries per second; the line itself permits one in 10 ms. */
const LEAST_RATE = 60
/** Maximum seconds until readings resume. */
const RESUMED = 2
/** The same after ten seconds of silence: the wait between two attempts has grown by then. */
const ASKED_AGAIN = 16

test('reads the serial line at full rate without a bad reading', async () => {
  await using lab = new Lab()
  const demo = new DemoLab(lab)
  await lab.hub()
  const listener = await Listener.open(lab)
  await demo.sim240('--counter')
  const agent = demo.ls240(FULL_RATE)
  await listener.next(() => true)
  const start = performance.now()
  await seconds(RUN)
  const took = since(start)
  expect(await agent.stop()).toMatchObject({ code: 0 })

  const values = listener.rows.flatMap(readings)
  const statuses = listener.rows.flatMap(({ row }) =>
    Object.entries(row.data).flatMap(([name, column]) => (name.endsWith('_status') ? column : [])),
  )
  expect(statuses.filter((status) => status !== 0)).toEqual([])
  // The simulator counts its readings: one missed, doubled or torn reading would break the sequence.
  expect(values).toEqual(values.map((_, at) => at + 1))
  const seqs = listener.rows.map(({ row }) => row.seq)
  expect(seqs).toEqual(seqs.map((_, at) => at + 1))
  const errors = agent.lines.filter(({ text }) => /warning|error/.test(text))
  expect(errors).toEqual([])
  const rate = (listener.rows.length / took).toFixed(1)
  const queries = (values.length + statuses.length) / took
  figure(`${listener.rows.length} sweeps, ${values.length} readings in ${took.toFixed(0)} s, none bad`)
  figure(`${rate} sweeps of 8 channels a second, ${queries.toFixed(0)} queries a second`)
  expect(queries).toBeGreaterThan(LEAST_RATE)
})

/** Numbers of a sweep in the order of the queries: V before T, channel by channel. */
function readings({ row }: Seen): number[] {
  return Array.from({ length: 8 }, (_, at) => at + 1)
    .flatMap((channel) => [row.data[`Channel_${channel}_V`]?.[0], row.data[`Channel_${channel}_T`]?.[0]])
    .filter((value) => value !== undefined && value !== null)
    .map(Number)
}

test('acquisition resumes within 2 s when the line returns', async () => {
  await using lab = new Lab()
  const demo = new DemoLab(lab)
  await lab.hub()
  const listener = await Listener.open(lab)
  let sim = await demo.sim240()
  const agent = demo.ls240(10)
  await listener.next(() => true)

  for (const away of [0.3, 3, 12]) {
    const mark = agent.mark
    await sim.kill()
    // Udev does this, and so does the simulator; the number of the terminal may soon be another’s.
    rmSync(demo.pty, { force: true })
    await agent.says(/warning|degraded|lost|gone/i, 10, mark)
    await seconds(away)
    sim = await demo.sim240()
    // The simulator reports that its link exists; that is when the line is back.
    const back = sim.lines.find(({ text }) => text.includes('LSA21OQ at '))?.at ?? performance.now()
    const { at } = await listener.next(good, back)
    const resumed = (at - back) / 1000
    figure(`gone for ${away} s: the first reading ${resumed.toFixed(2)} s after the line was back`)
    expect(resumed).toBeLessThan(SLOW * RESUMED)
  }

  // An instrument that stays silent is queried less and less often.
  for (const [frozen, resumes] of [
    [1, RESUMED],
    [10, ASKED_AGAIN],
  ] as const) {
    sim.signal('SIGSTOP')
    await seconds(frozen)
    const back = performance.now()
    sim.signal('SIGCONT')
    const { at } = await listener.next(good, back)
    const resumed = (at - back) / 1000
    figure(`frozen for ${frozen} s: the first good reading ${resumed.toFixed(2)} s after it went on`)
    expect(resumed).toBeLessThan(SLOW * resumes)
  }

  const session = await lab.session('ls240', 'acq')
  expect(session).toMatchObject({ status: 'running', degraded: false })
  expect(await agent.stop()).toMatchObject({ code: 0 })
})

/** Whether every channel was read in a sweep. */
function good({ row }: Seen): boolean {
  return Object.entries(row.data).every(([name, [value]]) => !name.endsWith('_status') || value === 0)
}
