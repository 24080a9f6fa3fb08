import { createConnection } from 'node:net'
import { seconds } from '../../test/real/roles.ts'
import { socs } from '../anchors/socs.ts'
import type { Bench, Bencher, Figures } from '../bench.ts'
import { most, ratioMost } from '../goal.ts'
import { stopped } from '../lab.ts'
import { commandLine, cpuSeconds, memory, tree } from '../process-cost.ts'
import { CONTROL, INSTRUMENTS, MEASUREMENT, PORT_372, startPythonDemo } from '../python-demo.ts'
import { labAnchors, type RunningLab } from '../site.ts'
import { allPublish, type Counter, countOwn } from '../values.ts'

/** Ports that the demo lab always has. */
const PORTS = [1883, 8001, 5000, 7771, 7772]
/**
 * Seconds of a round, and before the first: a round is one scan of a 372, 15 channels of 7 s, since the channels
 * publish different numbers of values; Bun compiles for minutes (decisions 0029 and 0043), and a lab runs for
 * months.
 */
const [ROUND, WARM] = [105, 180]
/** Seconds of a round of a quick run: a 372 is silent for 3 while a channel settles, and longer on a busy machine. */
const QUICK = 10

const anchors = [...labAnchors, socs]

export const demo: Bench = {
  name: 'demo',
  help: 'the demo lab at rest: CPU and memory of all its roles, and what its instruments publish',
  how: 'bin/ocs demo of a release, three minutes after its start; in Python crossbar, the agents of socs for the same three simulated instruments with their defaults (--mode acq; the control input is off here and there, and the 372 scan 15 channels by themselves, 7 s each), the recorder, 7 BarebonesAgents for the data nodes and the bridge, HostManager for the demo itself; a client of each hub counts values (fields times samples) in the same seconds; no simulators and no such client on either side where they are compared',
  anchors,
  rounds: 3,
  patience: 900,
  rows: [
    {
      work: 'a quiet demo lab, all roles and simulators, CPU',
      figure: 'cpu',
      unit: '% of a core',
      goal: most(5),
    },
    {
      work: 'a quiet demo lab, all roles, CPU',
      figure: 'roles cpu',
      unit: '% of a core',
      against: 'OCS',
      goal: most(5),
    },
    { work: 'values that its instruments publish', figure: 'values', unit: '/s', against: 'OCS' },
    {
      work: 'CPU of all its roles for 1,000 of these values',
      figure: 'per thousand',
      unit: 'ms',
      against: 'OCS',
      goal: ratioMost(1),
    },
    { work: 'a whole demo lab, PSS', figure: 'pss', unit: 'MB', against: 'OCS', goal: ratioMost(0.6) },
    { work: 'a whole demo lab, private', figure: 'private', unit: 'MB', against: 'OCS' },
    { work: 'a whole demo lab, RSS', figure: 'rss', unit: 'MB', against: 'OCS' },
  ],
  async run(bench) {
    const { lab } = bench
    const ports = PORTS.map((port) => ['127.0.0.1', port] as const)
    const theirPorts = [CONTROL, MEASUREMENT].map((host) => [host, PORT_372] as const)
    const compared = anchors.every((anchor) => bench.has(anchor))
    for (const [host, port] of compared ? [...ports, ...theirPorts] : ports) {
      if (await taken(host, port))
        throw new Error(`port ${port} of ${host} is taken, which the demo lab needs`)
    }
    const own = lab.launch('demo', ['demo', '--dir', lab.path('demo')])
    await own.says(/Grafana|127\.0\.0\.1:5000/, 60)
    const theirs = compared ? await startPythonDemo(lab) : undefined
    await using values = await countOwn('mqtt://127.0.0.1:1883', INSTRUMENTS)
    await allPublish('the demo', values)
    await seconds(bench.size(WARM, 1))
    const all = tree(own.pid)
    const simulators = all.filter((pid) => / sim lakeshore\d+ /.test(commandLine(pid)))
    bench.count('simulators of the demo', simulators.length, 3)
    const sides = await bench.together({
      ocs: () => cost(bench, tree(own.pid), simulators, values),
      OCS: theirs && (() => cost(bench, pidsOf(theirs.running), [], theirs.values)),
    })
    bench.count('exit code of the demo', (await stopped(own, 'SIGINT')).code ?? -1, 0)
    return sides
  },
}

const pidsOf = ({ hub, roles }: RunningLab) => [hub, ...roles.values()].flatMap(({ pid }) => tree(pid))

/**
 * The cost of processes, with and without those in `without`, and the values published in the same seconds.
 * @throws Error if an instrument published nothing
 */
async function cost(
  bench: Bencher,
  all: readonly number[],
  without: readonly number[],
  values: Counter,
): Promise<Figures> {
  const rest = all.filter((pid) => !without.includes(pid))
  const counted = await values.counts()
  const before = [cpuSeconds(all, true), cpuSeconds(rest, true)]
  const begun = performance.now()
  await seconds(bench.size(ROUND, QUICK))
  const took = (performance.now() - begun) / 1000
  const [cpu = 0, roles = 0] = [all, rest].map((pids, at) => cpuSeconds(pids, true) - (before[at] ?? 0))
  const now = await values.counts()
  const published = INSTRUMENTS.map((id) => (now[id] ?? 0) - (counted[id] ?? 0))
  const silent = INSTRUMENTS.filter((_, at) => published[at] === 0)
  if (silent.length > 0) throw new Error(`${silent.join(', ')} published nothing in ${took.toFixed(0)} s`)
  const sum = published.reduce((total, count) => total + count, 0)
  return {
    cpu: (100 * cpu) / took,
    'roles cpu': (100 * roles) / took,
    values: sum / took,
    ...Object.fromEntries(INSTRUMENTS.map((id, at) => [`values ${id}`, (published[at] ?? 0) / took])),
    'per thousand': (1e6 * roles) / sum,
    ...memory(rest, true),
  }
}

function taken(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port })
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false))
    socket.on('connect', () => socket.destroy())
  })
}
