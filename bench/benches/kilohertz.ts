import { seconds } from '../../test/real/roles.ts'
import type { Bench, Bencher, Figures } from '../bench.ts'
import { least, most } from '../goal.ts'
import { audited } from '../many.ts'
import { order } from '../orders.ts'
import { cpuSeconds } from '../process-cost.ts'
import { aggregator, hasLab, labAnchors, oneRow, recorded, startOcs, startOwn, stopLab } from '../site.ts'
import { startReader } from '../so3g-reader.ts'

/** Values per row. */
const FIELDS = 8
/** Hz; then seconds of a round, and before the first. */
const [FAST, ROUND, WARM] = [1000, 5, 10]

export const kilohertz: Bench = {
  name: 'kilohertz',
  help: 'an agent that reads 8 fields a thousand times a second, each a message',
  how: 'bun bin/ocs.ts agent --module of a poll at 1 kHz; the same in OCS with its Pacemaker; the agent’s process alone, and with hub and recorder',
  anchors: labAnchors,
  rounds: 5,
  rows: [
    {
      work: '1 kHz × 8 fields, the agent, CPU',
      figure: 'agent',
      unit: '% of a core',
      against: 'OCS',
      goal: most(25),
    },
    {
      work: '1 kHz × 8 fields, rows that were read',
      figure: 'hertz',
      unit: 'rows/s',
      against: 'OCS',
      goal: least(950),
    },
    {
      work: '1 kHz × 8 fields, with hub and recorder, CPU',
      figure: 'all',
      unit: '% of a core',
      against: 'OCS',
    },
  ],
  async run(bench) {
    const { lab } = bench
    const dirs = { own: lab.path('data-own'), ocs: lab.path('data-ocs') }
    const own = await startOwn(lab, [aggregator(dirs.own), oneRow('rows', FAST)])
    const ocs = hasLab(bench) ? await startOcs(lab, [aggregator(dirs.ocs), oneRow('rows', FAST)]) : undefined
    await Promise.all([recorded(dirs.own), ocs && recorded(dirs.ocs)])
    await seconds(bench.size(WARM, 0))
    const cost = async ({ hub, roles }: typeof own): Promise<Figures> => {
      const agent = [roles.get('rows')?.pid ?? 0]
      const all = [hub, ...roles.values()].map(({ pid }) => pid)
      const before = [cpuSeconds(agent), cpuSeconds(all)]
      const begun = performance.now()
      await seconds(bench.size(ROUND, 1))
      const percent = (pids: readonly number[], at: number) =>
        (1e5 * (cpuSeconds(pids) - (before[at] ?? 0))) / (performance.now() - begun)
      return { agent: percent(agent, 0), all: percent(all, 1) }
    }
    const sides = await bench.interleave({ ocs: () => cost(own), OCS: ocs && (() => cost(ocs)) })
    await stopLab(own)
    if (ocs) await stopLab(ocs)
    await auditIsGood(bench, dirs.own)
    const reader = await startReader(bench)
    // A late beat is skipped, on either side, so the number of actual readings belongs beside the cost.
    const hertz = async (dir: string) => {
      const { count, span } = await order<{ count: number; span: number }>(reader, {
        do: 'span',
        dir,
        hours: 0,
      })
      return count / FIELDS / span
    }
    const real = { ocs: await hertz(dirs.own), OCS: ocs ? await hertz(dirs.ocs) : 0 }
    return Object.fromEntries(
      Object.entries(sides).map(([side, list]) => [
        side,
        list.map((figures) => figures && { ...figures, hertz: real[side as keyof typeof real] }),
      ]),
    )
  },
}

async function auditIsGood({ lab, count }: Bencher, dir: string): Promise<void> {
  const { code, epochs } = await audited(lab, dir)
  count('exit code of the audit', code, 0)
  count('epochs with rows', epochs.filter(({ recorded }) => recorded > 0).length, 1)
}
