import type { Bench, RowSpec } from '../bench.ts'
import { ratioLeast } from '../goal.ts'
import { eachHub, hubAnchors } from '../hubs.ts'
import { cpuSeconds, memory } from '../process-cost.ts'

const HOW =
  'hub: released; its clients and those of Mosquitto and NATS: mqtt.js on Bun, one process each; crossbar: autobahn on Twisted, CBOR as OCS sends it'

/** Messages per round: about a second's worth. */
const ROUND = { crossbar: 6000, other: 40_000 }

interface Rate {
  readonly name: string
  readonly what: string
  readonly acknowledged?: boolean
  readonly listeners?: number
  readonly rounds: number
  /** A round is shorter if each message is delivered often. */
  readonly share?: number
  readonly goals: { readonly crossbar: number; readonly Mosquitto: number }
}

function hubRate({ name, what, acknowledged = false, listeners = 1, rounds, share = 1, goals }: Rate): Bench {
  const rate = (against: string, goal?: number): RowSpec => ({
    work: what,
    figure: 'rate',
    unit: 'msg/s',
    against,
    ...(goal && { goal: ratioLeast(goal) }),
  })
  const beside = (figure: string, work: string, unit: string, sides: readonly string[]) =>
    sides.map((against) => ({ work: `${what}: ${work}`, figure, unit, against }))
  return {
    name,
    help: `${what}, through each hub`,
    how: HOW,
    anchors: hubAnchors,
    rounds,
    rows: [
      rate('crossbar', goals.crossbar),
      rate('Mosquitto', goals.Mosquitto),
      rate('NATS'),
      ...beside('cpu', 'CPU of the hub for 10⁵ deliveries', 's', ['crossbar', 'Mosquitto', 'NATS']),
      ...beside('pss', 'memory of the hub, PSS', 'MB', ['crossbar']),
      ...beside('rss', 'memory of the hub, RSS', 'MB', ['crossbar']),
    ],
    run: (bench) =>
      eachHub(bench, {
        acknowledged,
        listeners,
        async measure(hubName, pair, { running }) {
          const full = (hubName === 'crossbar' ? ROUND.crossbar : ROUND.other) * share
          const messages = bench.size(full, 200)
          const before = cpuSeconds([running.pid])
          const { count, begun, last } = await pair.exchange(messages)
          const cpu = ((cpuSeconds([running.pid]) - before) * 1e5) / count
          bench.count(`${hubName}: messages`, count, messages * listeners)
          const { pss, rss } = memory([running.pid])
          return { rate: (1000 * count) / (last - begun), cpu, pss, rss }
        },
      }),
  }
}

export const hubQos0 = hubRate({
  name: 'hub-qos0',
  what: 'hub 1→1, 678 B, QoS 0',
  rounds: 15,
  goals: { crossbar: 6, Mosquitto: 0.9 },
})
export const hubQos1 = hubRate({
  name: 'hub-qos1',
  what: 'hub 1→1, 678 B, QoS 1',
  acknowledged: true,
  rounds: 15,
  share: 0.75,
  goals: { crossbar: 8, Mosquitto: 1.2 },
})
export const fanOut = hubRate({
  name: 'fan-out',
  what: 'hub 1→20, 678 B, QoS 0, deliveries',
  listeners: 20,
  rounds: 9,
  share: 0.15,
  goals: { crossbar: 5, Mosquitto: 0.9 },
})
