import type { Bench } from '../bench.ts'
import { ratioMost } from '../goal.ts'
import { eachHub, hubAnchors } from '../hubs.ts'
import { quantile } from '../statistics.ts'

const HERTZ = 100

export const latency: Bench = {
  name: 'latency',
  help: `a feed of ${HERTZ} Hz: from its publisher to its subscriber`,
  how: 'as hub-qos0; the time is taken before the message is made and after it is read',
  anchors: hubAnchors,
  rounds: 7,
  rows: [
    { figure: 'p50', goal: ratioMost(0.35) },
    { figure: 'p99', goal: ratioMost(0.5) },
  ].flatMap(({ figure, goal }) =>
    ['crossbar', 'Mosquitto', 'NATS'].map((against) => ({
      work: `${HERTZ} Hz feed, latency ${figure}`,
      figure,
      unit: 'ms',
      against,
      ...(against === 'crossbar' && { goal }),
    })),
  ),
  run: (bench) =>
    eachHub(bench, {
      async measure(name, pair) {
        const messages = bench.size(4 * HERTZ, 20)
        const { count, lags } = await pair.exchange(messages, HERTZ)
        bench.count(`${name}: messages`, count, messages)
        return { p50: quantile(lags, 0.5), p99: quantile(lags, 0.99) }
      },
    }),
}
