import { join } from 'node:path'
import type { Running } from '../../test/real/roles.ts'
import { PYTHON } from '../anchors/ocs-python.ts'
import type { Bench, Bencher, Figures } from '../bench.ts'
import { ratioLeast, ratioMost } from '../goal.ts'
import { order } from '../orders.ts'
import { fakeData, hasLab, labAnchors, startOcs, startOwn } from '../site.ts'
import { quantile } from '../statistics.ts'

const IN_FLIGHT = 16
/** Rounds before the first: Bun compiles for thousands of calls (decision 0047), and an agent runs for months. */
const WARM = 10
const CLIENTS = join(import.meta.dir, '..', 'clients')

export const calls: Bench = {
  name: 'calls',
  help: 'asking an operation for its status: one after the other, and 16 in flight',
  how: 'a FakeDataAgent of 8 channels that acquires, released; ours: the product’s client on Bun, over the hub; theirs: OCSClient, HTTP through crossbar, 16 threads for 16 in flight; after ten rounds that are not counted',
  anchors: labAnchors,
  rounds: 7,
  rows: [
    { work: 'op call, p50', figure: 'p50', unit: 'ms', against: 'OCS', goal: ratioMost(0.25) },
    { work: 'op call, p99', figure: 'p99', unit: 'ms', against: 'OCS' },
    { work: 'op calls, one after the other', figure: 'rate', unit: 'calls/s', against: 'OCS' },
    {
      work: `op calls, ${IN_FLIGHT} in flight`,
      figure: 'many',
      unit: 'calls/s',
      against: 'OCS',
      goal: ratioLeast(9),
    },
  ],
  async run(bench) {
    const { lab } = bench
    const instances = [fakeData('data1', 10)]
    const own = await startOwn(lab, instances, true)
    const ocs = hasLab(bench) ? await startOcs(lab, instances) : undefined
    const asking = ['data1', 'acq']
    const client = lab.program('calls', [process.execPath, join(CLIENTS, 'calls.ts'), own.url, ...asking])
    const python =
      ocs && lab.program('py-calls', [PYTHON, join(CLIENTS, 'ocs_calls.py'), ocs.siteFile, ...asking])
    for (const each of [client, python]) await each?.says('"ready"', 60)
    const turns = {
      ocs: () => measure(bench, client, 1000),
      OCS: python && (() => measure(bench, python, 400)),
    }
    for (let i = 0; i < bench.size(WARM, 0); i++) {
      await turns.ocs()
      await turns.OCS?.()
    }
    return bench.interleave(turns)
  },
}

async function measure(bench: Bencher, client: Running, full: number): Promise<Figures> {
  const measured = async (inFlight: number) => {
    const calls = bench.size(full, 32)
    const { took, lags, good } = await order<{ took: number; lags: number[]; good: number }>(client, {
      calls,
      inFlight,
    })
    bench.count(`${client.name}: good answers`, good, calls)
    return { rate: (1000 * calls) / took, p50: quantile(lags, 0.5), p99: quantile(lags, 0.99) }
  }
  const one = await measured(1)
  return { ...one, many: (await measured(IN_FLIGHT)).rate }
}
