import { seconds } from '../../test/real/roles.ts'
import { PYTHON } from '../anchors/ocs-python.ts'
import type { Bench, Bencher, Figures, RowSpec } from '../bench.ts'
import { most, ratioMost } from '../goal.ts'
import { commandLine, cpuSeconds, memory, tree } from '../process-cost.ts'
import { fakeData, hasLab, labAnchors, startOcs, startUp, stopLab } from '../site.ts'

/**
 * Agents, their samples per second, and seconds of a round and before the first: agents run for months, and
 * Bun compiles their code for a minute, which Python does not.
 */
const [AGENTS, HERTZ, ROUND, WARM] = [10, 10, 6, 60]

const rows: RowSpec[] = [
  {
    work: 'ten agents of OCS with their runtime, PSS',
    figure: 'pss',
    unit: 'MB',
    against: 'OCS',
    goal: ratioMost(1.2),
  },
  { work: 'the same, with hub and ocs up', figure: 'with hub', unit: 'MB', against: 'OCS' },
  { work: 'the same ten, CPU', figure: 'cpu', unit: 'ms/s', against: 'OCS', goal: ratioMost(1.3) },
  { work: 'what one costs beside its Python, PSS', figure: 'runtime', unit: 'MB', goal: most(10) },
]

export const pythonAgents: Bench = {
  name: 'python-agents',
  help: 'ten agents of OCS, unmodified, under ocs up here and on crossbar: memory and CPU',
  how: 'FakeDataAgent of OCS in the same Python, here by ocs up, which runs them in one runtime, and by ocs-agent-cli, in the same seconds',
  anchors: labAnchors,
  rounds: 5,
  rows,
  async run(bench) {
    const { lab } = bench
    const count = bench.size(AGENTS, 2)
    const instances = Array.from({ length: count }, (_, i) => fakeData(`data${i + 1}`, HERTZ))
    const ocs = hasLab(bench) ? await startOcs(lab, instances) : undefined
    // Without OCS there is no Python to run them in.
    if (!ocs) return {}
    const own = await startUp(
      lab,
      instances.map((instance) => ({ ...instance, python: PYTHON })),
    )
    const { up } = own
    // Besides its own process it has only their runtime, and what that has started.
    const runtimes = tree(up.pid).slice(1, 2)
    await seconds(bench.size(WARM, 0))
    const pids = [...ocs.roles.values()].map(({ pid }) => pid)
    const sides = await bench.together({
      ocs: () => cost(bench, runtimes, [own.hub.pid], [up.pid], count),
      OCS: () => cost(bench, pids, [ocs.hub.pid], [], count),
    })
    await stopLab(own)
    await stopLab(ocs)
    return sides
  },
}

/** @param all the processes that run the agents; hub and keeper count only in their own figures */
async function cost(
  bench: Bencher,
  all: readonly number[],
  hub: readonly number[],
  keeper: readonly number[],
  count: number,
): Promise<Figures> {
  const begun = performance.now()
  const before = cpuSeconds(all)
  await seconds(bench.size(ROUND, 1))
  const cpu = (1e6 * (cpuSeconds(all) - before)) / (performance.now() - begun)
  const { pss } = memory(all)
  const pythons = all.flatMap((pid) => tree(pid)).filter((pid) => commandLine(pid).startsWith(PYTHON))
  const runtime = (pss - memory(pythons, true).pss) / count
  return { cpu, pss, 'with hub': pss + memory(hub).pss + memory(keeper, true).pss, runtime }
}
