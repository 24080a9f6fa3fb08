import type { Bench, Bencher, Figures, Hub } from '../bench.ts'
import { Pair } from '../clients/pair.ts'
import { ratioMost } from '../goal.ts'
import { startHub, startTlsHub } from '../hubs.ts'
import { cpuSeconds } from '../process-cost.ts'

/** Messages per round, by the number of listeners. */
const ROUND = { 1: 40_000, 20: 6000 } as const
const listeners = [1, 20] as const

/** A publisher and its listeners, on a hub of their own. */
interface Load {
  readonly count: (typeof listeners)[number]
  readonly pair: Pair
  readonly hub: Hub
}

/**
 * The cost of roles: a hub with tokens and filtered delivery compared with an open one; and the cost of TLS.
 */
export const hubRoles: Bench = {
  name: 'hub-roles',
  help: 'the hub with roles, beside the same hub that is open to everybody',
  how: 'hub: bun bin/ocs.ts hub, with --insecure on the other side, the same code over TLS 1.3 on the third; publisher: mqtt.js with a token, listeners without one',
  anchors: [],
  rounds: 15,
  rows: listeners.flatMap((count) => {
    const row = { figure: `cpu${count}`, unit: 's' }
    const work = `hub 1→${count}, 678 B, QoS 0: CPU of the hub for 10⁵ deliveries, with roles`
    return [
      { ...row, work, against: 'open', goal: ratioMost(1.1) },
      { ...row, work: `${work}, in plain text`, against: 'TLS' },
    ]
  }),
  async run(bench) {
    const starts = {
      ocs: () => startHub(bench.lab),
      open: () => startHub(bench.lab, false, ['--insecure']),
      TLS: () => startTlsHub(bench.lab),
    }
    const sides = Object.entries(starts).map(async ([name, start]) => {
      const loads: Load[] = []
      for (const count of listeners) {
        const hub = await start()
        const pair = await Pair.start({ lab: bench.lab, hub, listeners: count })
        await pair.exchange(bench.size(ROUND[count] / 4, 50))
        loads.push({ count, pair, hub })
      }
      return [name, () => measure(bench, name, loads)] as const
    })
    return bench.interleave(Object.fromEntries(await Promise.all(sides)))
  },
}

async function measure(bench: Bencher, name: string, loads: readonly Load[]): Promise<Figures> {
  const figures: Record<string, number> = {}
  for (const { count, pair, hub } of loads) {
    const messages = bench.size(ROUND[count], 200)
    const before = cpuSeconds([hub.running.pid])
    const { count: came } = await pair.exchange(messages)
    figures[`cpu${count}`] = ((cpuSeconds([hub.running.pid]) - before) * 1e5) / came
    bench.count(`${name}: deliveries`, came, messages * count)
  }
  return figures
}
