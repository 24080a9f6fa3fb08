import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { OCS } from '../../test/real/roles.ts'
import { PYTHON } from '../anchors/ocs-python.ts'
import type { Bench, Figures } from '../bench.ts'
import { most, ratioMost } from '../goal.ts'
import { type BenchLab, stopped } from '../lab.ts'
import { mostMemory } from '../process-cost.ts'
import { release } from '../release.ts'
import { fakeData, hasLab, labAnchors, pythonAgent, startOcs, startOwn } from '../site.ts'

/** Milliseconds between two checks of the memory of a program that runs for tenths of a second. */
const LOOK_MS = 4

/** The equivalent in OCS: a client of one agent. */
const STATUS =
  'import sys; from ocs.ocs_client import OCSClient; print(OCSClient("data1", args=sys.argv[1:]).acq.status())'

export const status: Bench = {
  name: 'status',
  help: 'ocs ctrl status: processor time and seconds from key to answer',
  how: 'bin/ocs of a release, and bun bin/ocs.ts (sources), ctrl status of a lab of one agent; theirs: a Python of OCSClient(…).acq.status(); CPU of the process and its children, as the kernel counts it at their end',
  anchors: labAnchors,
  rounds: 7,
  rows: [
    { work: 'ctrl status, released, CPU', figure: 'cpu', unit: 's', against: 'OCS', goal: most(0.15) },
    { work: 'ctrl status, sources, CPU', figure: 'cpu', unit: 's', ours: 'sources', against: 'OCS' },
    { work: 'ctrl status, released, from key to answer', figure: 'took', unit: 's', against: 'OCS' },
    {
      work: 'ctrl status, sources, from key to answer',
      figure: 'took',
      unit: 's',
      ours: 'sources',
      against: 'OCS',
    },
    { work: 'ctrl status, released, greatest memory (RSS)', figure: 'peak', unit: 'MB', against: 'OCS' },
    {
      work: 'ctrl status, sources, greatest memory (RSS)',
      figure: 'peak',
      unit: 'MB',
      ours: 'sources',
      against: 'OCS',
    },
    {
      work: 'npx ocs ctrl status, released, beyond npx of an empty program',
      figure: 'extra',
      unit: 's',
      ours: 'npx',
      goal: most(0.15),
    },
  ],
  async run(bench) {
    const { lab } = bench
    const own = await startOwn(lab, [fakeData('data1', 1)])
    const ocs = hasLab(bench) ? await startOcs(lab, [fakeData('data1', 1)]) : undefined
    const ask = ['ctrl', 'status', '--site-hub', own.url]
    const programs = installed(lab)
    const answered = ({ out, ...figures }: Ran) => {
      bench.count('answers that name the agent', out.includes('data1') ? 1 : 0, 1)
      return figures
    }
    return bench.interleave({
      ocs: async () => answered(await ran(lab, [release(), ...ask])),
      sources: async () => answered(await ran(lab, [...OCS, ...ask])),
      OCS:
        ocs &&
        (async () => {
          const site = ['--site-file', ocs.siteFile, '--site-host', 'localhost']
          const { out, ...figures } = await ran(lab, [PYTHON, '-c', STATUS, ...site])
          bench.count(
            'sessions in the answer of OCS',
            out.includes("'acq'") || out.includes('acq[') ? 1 : 0,
            1,
          )
          return figures
        }),
      npx: async () => {
        const npx = (name: string, ...args: string[]) =>
          ran(lab, ['npx', '--no-install', '--offline', name, ...args], {}, programs)
        const { took } = answered(await npx('ocs', ...ask))
        const { took: bare } = await npx('empty')
        return { extra: took - bare, took, bare }
      },
    })
  },
}

export const start: Bench = {
  name: 'start',
  help: 'an agent, from the start of its process until it has joined',
  how: 'bin/ocs agent of a release, and bun bin/ocs.ts agent (sources); ocs-agent-cli; FakeDataAgent on both sides, until it says that its session has joined',
  anchors: labAnchors,
  rounds: 7,
  rows: [
    {
      work: 'process start → joined, released',
      figure: 'took',
      unit: 's',
      against: 'OCS',
      goal: ratioMost(0.25),
    },
    { work: 'process start → joined, sources', figure: 'took', unit: 's', ours: 'sources', against: 'OCS' },
  ],
  async run(bench) {
    const { lab } = bench
    const instances = [{ ...fakeData('data1', 1), args: ['--mode', 'idle'] }]
    const own = await startOwn(lab, instances)
    await own.roles.get('data1')?.stop()
    const ocs = hasLab(bench) ? await startOcs(lab, instances) : undefined
    await ocs?.roles.get('data1')?.stop('SIGINT')
    const args = ['agent', '--instance-id', 'data1', '--site-file', own.siteFile, '--site-host', 'localhost']
    const folders = ['--state-dir', lab.path('state'), '--log-dir', lab.path('log')]
    return bench.interleave({
      ocs: () => joined(lab, [release(), ...args, ...folders]),
      sources: () => joined(lab, [...OCS, ...args, ...folders]),
      OCS: ocs && (() => joined(lab, pythonAgent({ siteFile: ocs.siteFile, id: 'data1' }))),
    })
  },
}

async function joined(lab: BenchLab, command: readonly string[]): Promise<Figures> {
  const begun = performance.now()
  const agent = lab.program('starting', command)
  const { at } = await agent.says('session joined', 60)
  await stopped(agent, 'SIGINT')
  return { took: (at - begun) / 1000 }
}

interface Ran extends Record<'cpu' | 'took' | 'peak', number> {
  readonly out: string
}

/** Runs a program to its end. */
async function ran(
  lab: BenchLab,
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd = lab.dir,
): Promise<Ran> {
  const begun = performance.now()
  const child = Bun.spawn([...command], {
    cwd,
    env: { ...lab.env, ...env },
    stdout: 'pipe',
    stderr: 'ignore',
    timeout: 30_000,
  })
  // Not the kernel's figure at the end: that starts from the memory of this process when it forked.
  let peak = 0
  const looking = setInterval(() => (peak = Math.max(peak, mostMemory(child.pid))), LOOK_MS)
  const out = await new Response(child.stdout).text()
  await child.exited
  clearInterval(looking)
  const took = (performance.now() - begun) / 1000
  const usage = child.resourceUsage()
  return { out, took, cpu: Number(usage?.cpuTime.total ?? 0) / 1e6, peak }
}

/** A folder with `ocs` and a program that does nothing, as npm installs both. */
function installed(lab: BenchLab): string {
  const dir = lab.path('empty')
  const bin = lab.path('empty', 'node_modules', '.bin')
  mkdirSync(bin, { recursive: true })
  writeFileSync(lab.path('empty', 'package.json'), '{"name": "nothing", "version": "1.0.0"}')
  writeFileSync(`${bin}/empty`, '#!/usr/bin/env node\n')
  chmodSync(`${bin}/empty`, 0o755)
  symlinkSync(release(), `${bin}/ocs`)
  return dir
}
