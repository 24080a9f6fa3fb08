import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { OCS, ROOT } from '../../test/real/roles.ts'
import { PYTHON } from '../anchors/ocs-python.ts'
import type { Bench, Figures } from '../bench.ts'
import { most, ratioMost } from '../goal.ts'
import { type BenchLab, LAUNCHER, stopped } from '../lab.ts'
import { fakeData, hasLab, labAnchors, pythonAgent, startOcs, startOwn } from '../site.ts'

/** What OCS has in its place: a client of one agent. */
const STATUS =
  'import sys; from ocs.ocs_client import OCSClient; print(OCSClient("data1", args=sys.argv[1:]).acq.status())'

export const status: Bench = {
  name: 'status',
  help: 'ocs ctrl status: processor time and seconds from key to answer',
  how: 'bun bin/ocs.ts ctrl status of a lab of one agent; launched: bin/ocs; theirs: a Python of OCSClient(…).acq.status(); CPU of the process and its children, as the kernel counts it at their end',
  anchors: labAnchors,
  rounds: 7,
  rows: [
    { work: 'ctrl status, CPU', figure: 'cpu', unit: 's', against: 'OCS', goal: most(0.15) },
    { work: 'ctrl status by its launcher, CPU', figure: 'cpu', unit: 's', ours: 'launched', against: 'OCS' },
    { work: 'ctrl status, from key to answer', figure: 'took', unit: 's', against: 'OCS' },
    {
      work: 'ctrl status by its launcher, from key to answer',
      figure: 'took',
      unit: 's',
      ours: 'launched',
      against: 'OCS',
    },
    { work: 'ctrl status, greatest memory (RSS)', figure: 'peak', unit: 'MB', against: 'OCS' },
    {
      work: 'npx ocs ctrl status, beyond npx of an empty program',
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
    const empty = emptyProgram(lab)
    const answered = ({ out, ...figures }: Ran) => {
      bench.count('answers that name the agent', out.includes('data1') ? 1 : 0, 1)
      return figures
    }
    return bench.interleave({
      ocs: async () => answered(await ran(lab, [...OCS, ...ask])),
      launched: async () => answered(await ran(lab, [...LAUNCHER, ...ask])),
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
        const npx = (cwd: string, name: string, ...args: string[]) =>
          ran(lab, ['npx', '--no-install', '--offline', name, ...args], {}, cwd)
        const { took } = answered(await npx(ROOT, 'ocs', ...ask))
        const { took: bare } = await npx(empty, 'empty')
        return { extra: took - bare, took, bare }
      },
    })
  },
}

export const start: Bench = {
  name: 'start',
  help: 'an agent, from the start of its process until it has joined',
  how: 'bun bin/ocs.ts agent, and bin/ocs agent; ocs-agent-cli; FakeDataAgent on both sides, until it says that its session has joined',
  anchors: labAnchors,
  rounds: 7,
  rows: [
    { work: 'process start → joined', figure: 'took', unit: 's', against: 'OCS', goal: ratioMost(0.25) },
    {
      work: 'process start → joined, by the launcher',
      figure: 'took',
      unit: 's',
      ours: 'launched',
      against: 'OCS',
    },
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
      ocs: () => joined(lab, [...OCS, ...args, ...folders]),
      launched: () => joined(lab, [...LAUNCHER, ...args, ...folders]),
      OCS: ocs && (() => joined(lab, pythonAgent(ocs.siteFile, 'data1'))),
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
  const out = await new Response(child.stdout).text()
  await child.exited
  const took = (performance.now() - begun) / 1000
  const usage = child.resourceUsage()
  return { out, took, cpu: Number(usage?.cpuTime.total ?? 0) / 1e6, peak: (usage?.maxRSS ?? 0) / 1e6 }
}

/** A folder with a program that does nothing, as npx runs it. */
function emptyProgram(lab: BenchLab): string {
  const dir = lab.path('empty')
  const bin = lab.path('empty', 'node_modules', '.bin')
  mkdirSync(bin, { recursive: true })
  writeFileSync(lab.path('empty', 'package.json'), '{"name": "nothing", "version": "1.0.0"}')
  writeFileSync(`${bin}/empty`, '#!/usr/bin/env node\n')
  chmodSync(`${bin}/empty`, 0o755)
  return dir
}
