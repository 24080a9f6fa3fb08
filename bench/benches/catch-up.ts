import { join } from 'node:path'
import { declaration, FEED, nameOf, values } from '../../test/real/many-rows.ts'
import { until } from '../../test/real/roles.ts'
import type { Bench, Bencher, Figures } from '../bench.ts'
import { least } from '../goal.ts'
import { startHub } from '../hubs.ts'
import { stopped } from '../lab.ts'
import { Live } from '../live.ts'
import { audited, startMany, startRecorder } from '../many.ts'
import { cpuSeconds } from '../process-cost.ts'
import { fillSpool } from '../product.ts'
import { quantile } from '../statistics.ts'

const AGENTS = 20
const HERTZ = 10
/** Seconds of data in a frame. */
const FRAME = 0.2
/** Seconds that the recorder was away, and seconds of live rows that are watched before it is back. */
const [AWAY, BEFORE] = [600, 6]

export const catchUp: Bench = {
  name: 'catch-up',
  help: `a recorder that was away, ${AGENTS} agents at ${HERTZ} Hz: how fast it catches up, and the live view meanwhile`,
  how: `bun bin/ocs.ts hub and agent, ${AGENTS} agents in one process of the tests; what was read while it was away is put into their spools beforehand; until the recorder says that all but a second is synced; OCS has no counterpart: it loses what is not recorded`,
  anchors: [],
  rounds: 3,
  rows: [
    { work: 'catch-up, times real time', figure: 'times', unit: '×', goal: least(20) },
    { work: 'catch-up', figure: 'rate', unit: 'rows/s' },
    { work: 'live rows before it, p99', figure: 'before', unit: 'ms' },
    { work: 'live rows meanwhile, p99', figure: 'meanwhile', unit: 'ms' },
    { work: 'catch-up, CPU of hub, recorder and agents for 10⁵ rows', figure: 'cpu', unit: 's' },
  ],
  run: (bench) => bench.interleave({ ocs: (round) => once(bench, round) }),
}

async function once(bench: Bencher, round: number): Promise<Figures> {
  const { lab } = bench
  const away = bench.size(AWAY, 10)
  const state = lab.path(`state-${round}`)
  const begin = Date.now() / 1000 - away
  for (let i = 0; i < AGENTS; i++) {
    const file = join(state, 'observatory', `${nameOf(i)}.sqlite`)
    const rows = Array.from({ length: away * HERTZ }, (_, n) => ({ t: begin + n / HERTZ, data: values(n) }))
    await fillSpool(file, FEED, declaration, rows)
  }
  const hub = await startHub(lab)
  const agents = await startMany(lab, hub.url, { count: AGENTS, hertz: HERTZ, state })
  await using watch = await Live.watch(hub.url)
  await Bun.sleep(bench.size(1000 * BEFORE, 500))
  const before = watch.take()
  const dir = lab.path(`data-${round}`)
  const recorder = await startRecorder(lab, hub.url, { dir, frame: FRAME })
  const all = [hub.running, agents, recorder]
  const used = cpuSeconds(all.map(({ pid }) => pid))
  const begun = performance.now()
  await until('the recorder has caught up', 120, () => watch.caughtUp(AGENTS, HERTZ))
  const took = (performance.now() - begun) / 1000
  const cpu = cpuSeconds(all.map(({ pid }) => pid)) - used
  const meanwhile = watch.take()
  await stopped(agents)
  await stopped(recorder)
  const { epochs } = await audited(lab, dir)
  const recorded = epochs.filter(({ epoch }) => epoch === 'away').reduce((sum, one) => sum + one.recorded, 0)
  bench.count('rows from before', recorded, away * HERTZ * AGENTS)
  bench.count('gaps', epochs.flatMap(({ gaps }) => gaps).length, 0)
  await stopped(hub.running)
  const rows = away * HERTZ * AGENTS
  return {
    times: away / took,
    rate: rows / took,
    before: quantile(before, 0.99),
    meanwhile: quantile(meanwhile, 0.99),
    cpu: (1e5 * cpu) / rows,
  }
}
