import { mkdirSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '../../test/real/roles.ts'
import type { Bench, Figures } from '../bench.ts'
import { ratioLeast } from '../goal.ts'
import { order } from '../orders.ts'
import { cpuSeconds } from '../process-cost.ts'
import { connectCaller } from '../product.ts'
import { aggregator, hasLab, labAnchors, oneRow, startOcs, startOwn, stopLab } from '../site.ts'
import { startReader } from '../so3g-reader.ts'

/** Values per row. */
const FIELDS = 8
/**
 * Rows per round: some seconds' worth, and about as much time on both sides if the goal is met, since either
 * waits up to a second for its last frame. OCS loses a third of 40,000.
 */
const ROWS = { ocs: 50_000, OCS: 10_000 }
/** Milliseconds without a write after which everything is written. */
const SETTLED = 6000

export const toG3: Bench = {
  name: 'to-g3',
  help: 'messages of one row, from an agent into .g3 files',
  how: 'released: an agent of one’s own that publishes rows of 8 fields as fast as they go, its hub and its recorder (which syncs; OCS’s does not), frames of a second; from the request until the last write of a file; rows counted by so3g where it is here',
  anchors: labAnchors,
  rounds: 3,
  rows: [
    {
      work: 'one-row messages into .g3, end to end',
      figure: 'rate',
      unit: 'rows/s',
      against: 'OCS',
      goal: ratioLeast(5),
    },
    {
      work: 'one-row messages into .g3, CPU of all roles for 10⁵ rows',
      figure: 'cpu',
      unit: 's',
      against: 'OCS',
    },
  ],
  async run(bench) {
    const { lab } = bench
    const dirs = { ocs: lab.path('data-own'), OCS: lab.path('data-ocs') }
    for (const dir of Object.values(dirs)) mkdirSync(dir)
    const own = await startOwn(lab, [aggregator(dirs.ocs), oneRow('rows', 0)], true)
    const ocs = hasLab(bench) ? await startOcs(lab, [aggregator(dirs.OCS), oneRow('rows', 0)]) : undefined
    const pids = (labOf: typeof own) => [labOf.hub, ...labOf.roles.values()].map(({ pid }) => pid)
    const { ask, end } = await connectCaller(own.url, `bench-${process.pid}`, bench.lab.env)
    const call = ocs?.url.replace('ws:', 'http:').replace(/ws$/, 'call') ?? ''
    const rows = { ocs: bench.size(ROWS.ocs, 500), OCS: bench.size(ROWS.OCS, 500) }
    const sides = await bench.interleave({
      ocs: () =>
        flood(dirs.ocs, rows.ocs, pids(own), async () => {
          const { status, msg } = await ask.request('rows', 'flood', 'start', { rows: rows.ocs })
          if (status !== 0) throw new Error(msg)
        }),
      OCS:
        ocs &&
        (() =>
          flood(dirs.OCS, rows.OCS, pids(ocs), async () => {
            const args = ['start', 'flood', { rows: rows.OCS }]
            const body = JSON.stringify({ procedure: 'observatory.rows.ops', args, kwargs: {} })
            const answer = await fetch(call, { method: 'POST', body })
            if (!answer.ok) throw new Error(`crossbar: ${answer.status} ${await answer.text()}`)
          })),
    })
    await end()
    await stopLab(own)
    if (ocs) await stopLab(ocs)
    const audit = await lab.run(['audit', '--data-dir', dirs.ocs])
    bench.count('exit code of the audit', audit.code ?? -1, 0)
    const reader = await startReader(bench)
    for (const side of ['ocs', 'OCS'] as const) {
      if (!sides[side]) continue
      const { count } = await order<{ count: number }>(reader, { do: 'read', dir: dirs[side], hours: 0 })
      bench.count(`${side}: values in the files`, count, bench.rounds * rows[side] * FIELDS)
    }
    return sides
  },
}

/** Starts a flood, and waits until its files stop growing. */
async function flood(
  dir: string,
  rows: number,
  pids: readonly number[],
  start: () => Promise<void>,
): Promise<Figures> {
  const before = { size: written(dir).size, cpu: cpuSeconds(pids) }
  const begun = Date.now()
  await start()
  const { at } = await until('all is written', 90, () => {
    const now = written(dir)
    return now.size > before.size && Date.now() - now.at > SETTLED && now
  })
  return {
    rate: (1000 * rows) / (at - begun),
    cpu: (1e5 * (cpuSeconds(pids) - before.cpu)) / rows,
  }
}

/** Bytes of the files beneath a folder, and when the last of them was written, unix ms. */
function written(dir: string): { size: number; at: number } {
  const files = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.g3'))
  const all = files.map((name) => statSync(join(dir, name)))
  return {
    size: all.reduce((sum, { size }) => sum + size, 0),
    at: all.reduce((latest, { mtimeMs }) => Math.max(latest, mtimeMs), 0),
  }
}
