import { createConnection } from 'node:net'
import { seconds } from '../../test/real/roles.ts'
import type { Bench, Figures } from '../bench.ts'
import { most, ratioMost } from '../goal.ts'
import { stopped } from '../lab.ts'
import { commandLine, cpuSeconds, memory, tree } from '../process-cost.ts'
import {
  aggregator,
  fakeData,
  hasLab,
  type Instance,
  labAnchors,
  type RunningLab,
  startOcs,
} from '../site.ts'

/** Ports that the demo lab always has. */
const PORTS = [1883, 8001, 5000, 7771, 7772]
/**
 * Seconds of a round, and before the first: Bun compiles for minutes (decisions 0029 and 0043), and a lab
 * runs for months.
 */
const [ROUND, WARM] = [10, 180]

/**
 * What the demo runs besides its hub and its simulators: 3 instruments, a recorder, 6 data nodes, a bridge,
 * itself.
 */
const inPython = (dir: string): Instance[] => [
  ...['ls240', 'control', 'measurement'].map((id) => fakeData(id, 1)),
  aggregator(dir),
  // sisock's nodes are gone from OCS: a minimal agent stands in for each of them, and for the bridge.
  ...Array.from({ length: 7 }, (_, i) => ({ id: `node-${i}`, agentClass: 'BarebonesAgent' })),
  { id: 'manager', agentClass: 'HostManager', args: ['--initial-state', 'down'] },
]

export const demo: Bench = {
  name: 'demo',
  help: 'the demo lab at rest: CPU and memory of all its roles',
  how: 'bin/ocs demo of a release, three minutes after its start; in Python crossbar, 3 FakeDataAgents, the recorder, 7 BarebonesAgents for the data nodes and the bridge, HostManager for the demo itself; no simulators on either side where they are compared',
  anchors: labAnchors,
  rounds: 3,
  rows: [
    {
      work: 'a quiet demo lab, all roles and simulators, CPU',
      figure: 'cpu',
      unit: '% of a core',
      goal: most(5),
    },
    { work: 'a quiet demo lab, all roles, CPU', figure: 'roles cpu', unit: '% of a core', against: 'OCS' },
    { work: 'a whole demo lab, PSS', figure: 'pss', unit: 'MB', against: 'OCS', goal: ratioMost(0.6) },
    { work: 'a whole demo lab, private', figure: 'private', unit: 'MB', against: 'OCS' },
    { work: 'a whole demo lab, RSS', figure: 'rss', unit: 'MB', against: 'OCS' },
  ],
  async run(bench) {
    const { lab } = bench
    for (const port of PORTS) {
      if (await taken(port)) throw new Error(`port ${port} is taken, which the demo lab needs`)
    }
    const own = lab.launch('demo', ['demo', '--dir', lab.path('demo')])
    await own.says(/Grafana|127\.0\.0\.1:5000/, 60)
    const ocs = hasLab(bench) ? await startOcs(lab, inPython(lab.path('data'))) : undefined
    await seconds(bench.size(WARM, 1))
    const simulators = tree(own.pid).filter((pid) => commandLine(pid).includes('/bin/ocs.js sim '))
    bench.count('simulators of the demo', simulators.length, 3)
    const sides = await bench.together({
      ocs: () => cost(bench.size(ROUND, 1), tree(own.pid), simulators),
      OCS: ocs && (() => cost(bench.size(ROUND, 1), pidsOf(ocs), [])),
    })
    bench.count('exit code of the demo', (await stopped(own, 'SIGINT')).code ?? -1, 0)
    return sides
  },
}

const pidsOf = ({ hub, roles }: RunningLab) => [hub, ...roles.values()].flatMap(({ pid }) => tree(pid))

/** The cost of processes, with and without those in `without`. */
async function cost(span: number, all: readonly number[], without: readonly number[]): Promise<Figures> {
  const rest = all.filter((pid) => !without.includes(pid))
  const before = [cpuSeconds(all, true), cpuSeconds(rest, true)]
  const begun = performance.now()
  await seconds(span)
  const percent = (at: number, now: number) => (1e5 * (now - (before[at] ?? 0))) / (performance.now() - begun)
  const [cpu, roles] = [percent(0, cpuSeconds(all, true)), percent(1, cpuSeconds(rest, true))]
  return { cpu, 'roles cpu': roles, ...memory(rest, true) }
}

function taken(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port })
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false))
    socket.on('connect', () => socket.destroy())
  })
}
