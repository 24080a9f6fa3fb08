import { type Running, seconds } from '../../test/real/roles.ts'
import type { Bench, Bencher, Figures, RowSpec } from '../bench.ts'
import { ratioMost } from '../goal.ts'
import { startHub } from '../hubs.ts'
import { type BenchLab, stopped } from '../lab.ts'
import { Live } from '../live.ts'
import { audited, startMany, startRecorder } from '../many.ts'
import { cpuSeconds, memory } from '../process-cost.ts'
import { aggregator, oneRow, recorded, startOwn, stateOf } from '../site.ts'
import { quantile } from '../statistics.ts'
import { days, daysRows } from './growth-days.ts'

/** Factors of the work; and those of a quick run. */
const [TIMES, QUICK] = [
  [1, 10, 100],
  [1, 2, 4],
]
/** Seconds of a round, and before the first; seconds of data in a frame. */
const [ROUND, WARM, FRAME] = [6, 15, 1]
/**
 * Limits of the cost per unit relative to the size before; and of a cost that is not per unit, for ten times
 * the work.
 */
const [SAME, TENFOLD] = [ratioMost(1.1), ratioMost(11)]

/** Number of agents, of fields of each, and Hz. */
interface Size {
  readonly agents: number
  readonly fields: number
  readonly hertz: number
}
/** The processes that rows pass through. */
interface Roles {
  readonly url: string
  readonly hub: Running
  readonly recorder: Running
  readonly source: Running
}
/** What grows, and how it is started. */
interface Growing {
  readonly name: string
  readonly work: string
  readonly of: (times: number) => Size
  readonly start: (lab: BenchLab, dir: string, size: Size) => Promise<Roles>
}

const growing: readonly Growing[] = [
  {
    name: 'rates',
    work: 'an agent of 8 fields at 10, 100, 1000 Hz',
    of: (times) => ({ agents: 1, fields: 8, hertz: 10 * times }),
    start: oneAgent,
  },
  {
    name: 'fields',
    work: 'an agent of 8, 80, 800 fields at 10 Hz',
    of: (times) => ({ agents: 1, fields: 8 * times, hertz: 10 }),
    start: oneAgent,
  },
  {
    name: 'agents',
    work: '1, 10, 100 agents of 8 fields at 1 Hz in a process',
    of: (times) => ({ agents: times, fields: 8, hertz: 1 }),
    start: manyAgents,
  },
]

const named = (name: string, figure: string, at: number) => `${name} ${figure} ${at}`
const rolesRows = growing.flatMap(({ name, work }): RowSpec[] => {
  const curve = (figure: string) => TIMES.map((_, at) => named(name, figure, at))
  const cpu = (role: string) => `${work}: CPU of the ${role} for a value`
  return [
    { work: cpu('hub'), figure: curve('hub'), unit: 'µs', goal: SAME },
    { work: cpu('recorder'), figure: curve('recorder'), unit: 'µs', goal: SAME },
    { work: cpu('source'), figure: curve('source'), unit: 'µs', goal: SAME },
    { work: `${work}: private memory of all three`, figure: curve('memory'), unit: 'MB', goal: TENFOLD },
    { work: `${work}: from a reading to a reader, p50`, figure: curve('p50'), unit: 'ms' },
  ]
})

export const growth: Bench = {
  name: 'growth',
  help: 'the same work at 1, 10 and 100 times the size: what a unit of it costs',
  how: 'hub, recorder, agent and one reader of each size in the same seconds, frames of a second; a release, but many agents are one process of the tests, with a spool each; days: the archive reader of the data node in a process of its own',
  anchors: [],
  rounds: 3,
  rows: [...rolesRows, ...daysRows(TIMES, SAME)],
  async run(bench) {
    const times = bench.quick ? QUICK : TIMES
    const curves: Figures[][] = []
    for (const each of growing) curves.push(await grow(bench, each, times))
    curves.push(await days(bench, times))
    // Rounds of all curves are merged, so that each row finds its figures.
    const round = (i: number): Figures => Object.assign({}, ...curves.map((rounds) => rounds[i]))
    return { ocs: Array.from({ length: bench.rounds }, (_, i) => round(i)) }
  },
}

/** Runs all sizes of one curve at the same time. Returns the figures of each round. */
async function grow(
  bench: Bencher,
  { name, of, start }: Growing,
  times: readonly number[],
): Promise<Figures[]> {
  const labs: Grown[] = []
  for (const size of times.map(of)) {
    const dir = bench.lab.path(`data-${name}-${labs.length}`)
    const roles = await start(bench.lab, dir, size)
    labs.push({ size, dir, roles, reader: await Live.watch(roles.url) })
  }
  for (const { dir } of labs) await recorded(dir)
  await seconds(bench.size(WARM, 0))
  const { ocs = [] } = await bench.interleave({
    ocs: async () => {
      const costs = await Promise.all(labs.map((lab) => cost(bench, lab)))
      const figures = costs.flatMap((one, at) =>
        Object.entries(one).map(([figure, value]) => [named(name, figure, at), value] as const),
      )
      return Object.fromEntries(figures)
    },
  })
  for (const [at, lab] of labs.entries()) await end(bench, `${name} × ${times[at]}`, lab)
  return ocs.map((figures) => figures ?? {})
}

interface Grown {
  readonly size: Size
  readonly dir: string
  readonly roles: Roles
  readonly reader: Live
}

/** Starts an agent in a separate process, as a user does. */
async function oneAgent(lab: BenchLab, dir: string, { fields, hertz }: Size): Promise<Roles> {
  const agent = oneRow('rows', hertz, '--channels', String(fields))
  const { url, hub, roles } = await startOwn(lab, [aggregator(dir), agent], true)
  const [recorder, source] = [roles.get('aggregator'), roles.get('rows')]
  if (!recorder || !source) throw new Error('a role was not started')
  return { url, hub, recorder, source }
}

async function manyAgents(lab: BenchLab, dir: string, { agents: count, hertz }: Size): Promise<Roles> {
  const { url, running: hub } = await startHub(lab, true)
  const recorder = await startRecorder(lab, url, { dir, frame: FRAME, released: true })
  const source = await startMany(lab, url, { count, hertz, state: stateOf(lab, url) })
  return { url, hub, recorder, source }
}

/** The cost of a value for each role, the memory of all three, and the delay of rows. */
async function cost(bench: Bencher, { size, roles, reader }: Grown): Promise<Figures> {
  const pids = { hub: roles.hub.pid, recorder: roles.recorder.pid, source: roles.source.pid }
  const used = () => Object.entries(pids).map(([role, pid]) => [role, cpuSeconds([pid])] as const)
  const before = new Map<string, number>(used())
  reader.take()
  await seconds(bench.size(ROUND, 1))
  const lags = reader.take()
  const values = lags.length * size.fields
  const cpu = used().map(([role, now]) => [role, (1e6 * (now - (before.get(role) ?? 0))) / values] as const)
  return {
    ...Object.fromEntries(cpu),
    memory: memory(Object.values(pids)).private,
    p50: quantile(lags, 0.5),
  }
}

/** Stops a lab, and compares its files with the expected content. */
async function end(bench: Bencher, name: string, { size, dir, roles, reader }: Grown): Promise<void> {
  await reader[Symbol.asyncDispose]()
  for (const role of [roles.source, roles.recorder, roles.hub]) await stopped(role)
  const { code, epochs } = await audited(bench.lab, dir)
  bench.count(`${name}: exit code of the audit`, code, 0)
  bench.count(`${name}: feeds with rows`, epochs.filter(({ recorded }) => recorded > 0).length, size.agents)
  bench.count(`${name}: gaps`, epochs.flatMap(({ gaps }) => gaps).length, 0)
}
