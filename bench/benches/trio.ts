import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { seconds } from '../../test/real/roles.ts'
import type { Bench, Bencher, Figures, RowSpec, Sides } from '../bench.ts'
import { type Goal, ratioMost } from '../goal.ts'
import { cpuSeconds, memory } from '../process-cost.ts'
import {
  aggregator,
  fakeData,
  hasLab,
  labAnchors,
  type RunningLab,
  recorded,
  startOcs,
  startOwn,
  stopLab,
} from '../site.ts'

const RATES = [50, 500] as const
/**
 * Seconds of a round, and before the first: a lab runs for months, so the cost of compiling in the first
 * minutes is excluded (decision 0029).
 */
const [ROUND, WARM] = [10, 300]
/** A file system in memory: a sync costs nothing there. */
const MEMORY = '/dev/shm'
const ROLES = ['agent', 'recorder', 'hub'] as const

/** Decisions 0029 and 0043 explain each goal. */
const cpuRows = RATES.flatMap((hertz): RowSpec[] => {
  const row = (of: string): RowSpec => ({
    work: `hub + recorder + one agent, 8 channels at ${hertz} Hz, ${of}, CPU`,
    figure: `cpu${hertz}`,
    unit: 'ms/s',
    against: 'OCS',
  })
  return [
    { ...row('released'), goal: ratioMost(1.15) },
    {
      ...row('released, spool and files in memory, where syncs are free (for attribution)'),
      ours: 'unsynced',
    },
    { ...row('sources'), ours: 'sources' },
  ]
})
const goals: Record<(typeof ROLES)[number], Goal> = {
  agent: ratioMost(0.75),
  recorder: ratioMost(0.6),
  hub: ratioMost(0.12),
}
const memoryRows = ROLES.flatMap((role): RowSpec[] => {
  const row = (what: string, figure: string): RowSpec => ({
    work: `memory of ${role === 'agent' ? 'an agent' : `the ${role}`}, ${what}`,
    figure: `${role} ${figure}`,
    unit: 'MB',
    against: 'OCS',
  })
  return [
    { ...row('released, private', 'private'), goal: goals[role] },
    row('released, PSS', 'pss'),
    row('released, RSS', 'rss'),
    { ...row('sources, private', 'private'), ours: 'sources' },
  ]
})

export const trio: Bench = {
  name: 'trio',
  help: 'hub, recorder and one agent: CPU and memory',
  how: 'a release, its sources and OCS in the same seconds, each with a FakeDataAgent that reports once a second; PSS is smaller the more processes share a file',
  anchors: labAnchors,
  rounds: 5,
  patience: 1200,
  rows: [...cpuRows, ...memoryRows],
  async run(bench) {
    const all: Sides[] = []
    for (const hertz of RATES) all.push(await atRate(bench, hertz))
    const names = ['ocs', 'unsynced', 'sources', 'OCS']
    // Rounds of both rates are merged, so that each row finds its figure.
    const merged = (name: string) =>
      Array.from(
        { length: bench.rounds },
        (_, round): Figures =>
          Object.assign({}, ...all.toReversed().map((sides) => sides[name]?.[round] ?? {})),
      )
    return Object.fromEntries(names.filter((name) => all[0]?.[name]).map((name) => [name, merged(name)]))
  },
}

async function atRate(bench: Bencher, hertz: number): Promise<Sides> {
  const { lab } = bench
  const dirs = {
    own: lab.path(`data-own-${hertz}`),
    sources: lab.path(`data-sources-${hertz}`),
    ocs: lab.path(`data-ocs-${hertz}`),
  }
  const memory = existsSync(MEMORY) ? mkdtempSync(join(MEMORY, 'ocs-bench-')) : undefined
  using _memory = { [Symbol.dispose]: () => memory && rmSync(memory, { recursive: true, force: true }) }
  const inMemory = memory && { files: join(memory, 'data'), state: join(memory, 'state') }
  const instances = (dir: string) => [fakeData('data1', hertz), aggregator(dir)]
  const own = await startOwn(lab, instances(dirs.own), true)
  const sources = await startOwn(lab, instances(dirs.sources))
  const unsynced = inMemory && (await startOwn(lab, instances(inMemory.files), true, inMemory.state))
  const ocs = hasLab(bench) ? await startOcs(lab, instances(dirs.ocs)) : undefined
  const folders = [dirs.own, dirs.sources, ...(inMemory ? [inMemory.files] : []), ...(ocs ? [dirs.ocs] : [])]
  await Promise.all(folders.map(recorded))
  await seconds(bench.size(WARM, 0))
  const sides = await bench.together({
    ocs: () => cost(bench, own, hertz),
    unsynced: unsynced ? () => cost(bench, unsynced, hertz) : undefined,
    sources: () => cost(bench, sources, hertz),
    OCS: ocs && (() => cost(bench, ocs, hertz)),
  })
  await stopLab(own)
  await stopLab(sources)
  if (unsynced) await stopLab(unsynced)
  if (ocs) await stopLab(ocs)
  bench.count(
    `${hertz} Hz: exit code of the audit`,
    (await lab.run(['audit', '--data-dir', join(dirs.own)])).code ?? -1,
    0,
  )
  return sides
}

async function cost(bench: Bencher, { hub, roles }: RunningLab, hertz: number): Promise<Figures> {
  const all = [hub, ...roles.values()].map(({ pid }) => pid)
  const begun = performance.now()
  const before = cpuSeconds(all)
  await seconds(bench.size(ROUND, 1))
  const cpu = (1e6 * (cpuSeconds(all) - before)) / (performance.now() - begun)
  const figures: Record<string, number> = { [`cpu${hertz}`]: cpu }
  const pids = { agent: roles.get('data1')?.pid, recorder: roles.get('aggregator')?.pid, hub: hub.pid }
  for (const role of ROLES) {
    const pid = pids[role] ?? 0
    const { private: own, pss, rss } = memory([pid])
    figures[`${role} private`] = own
    figures[`${role} pss`] = pss
    figures[`${role} rss`] = rss
  }
  return figures
}
