/**
 * The lab on other brokers: Mosquitto, NATS, a cluster of three NATS nodes. The bus and its agents keep the
 * same promises as on our hub; a broker, or a node, that is killed under load loses nothing. `RESTARTS=50`
 * and `ROUNDS=5` are the long runs.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { connectMqtt, reached } from '../../src/bus/mqtt.ts'
import { busConformance } from '../bus-conformance.ts'
import { operationsSuite } from '../operations-suite.ts'
import { seeded } from '../random.ts'
import { BROKERS, type BrokerName, type BrokerNode, startBroker, urlOf } from './brokers.ts'
import { LoadedLab } from './loaded-lab.ts'
import { figure, Lab, seconds } from './roles.ts'

const RESTARTS = Number(process.env['RESTARTS'] ?? 5)
const ROUNDS = Number(process.env['ROUNDS'] ?? 1)
const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
setDefaultTimeout(300_000 + 10_000 * RESTARTS + 60_000 * ROUNDS)

for (const name of BROKERS) {
  describe(name, () => {
    let lab: Lab
    let url = ''
    beforeAll(async () => {
      lab = new Lab()
      url = urlOf(await startBroker(lab, name))
    })
    afterAll(() => lab[Symbol.asyncDispose]())
    const connect = async (client: string, options = {}) => {
      const bus = connectMqtt({ url, client, ...options })
      await reached(bus, url, 30)
      return bus
    }
    busConformance('the bus', connect)
    operationsSuite('operations', connect, false)
  })
}

/** A recorded lab on a broker. */
async function openLab(name: BrokerName): Promise<{ on: LoadedLab; nodes: readonly BrokerNode[] }> {
  const ports = name === 'nats3' ? [1883, 1884, 1885] : [1883]
  const on = new LoadedLab(ports.map((port) => `mqtt://127.0.0.1:${port}`).join(','))
  const nodes = await startBroker(on.lab, name)
  await on.begin()
  return { on, nodes }
}

test.each(['mosquitto', 'nats'] as const)(
  '%s is killed and started, again and again: no sample is lost or doubled',
  async (name) => {
    const { on, nodes } = await openLab(name)
    await using _ = on
    const random = seeded(SEED)
    figure(`seed ${SEED}`)
    for (let n = 0; n < RESTARTS; n++) {
      await seconds(0.2 + 2 * random())
      for (const node of nodes) await node.kill()
      await seconds(1.5 * random())
      for (const node of nodes) await node.start()
      await on.ctrl()
    }
    await on.judge(`${name} killed ${RESTARTS} times`)
  },
)

test('three nodes of NATS, each killed in turn: no sample is lost or doubled, and ctrl is answered throughout', async () => {
  const { on, nodes } = await openLab('nats3')
  await using _ = on
  let asked = 0
  for (let round = 0; round < ROUNDS; round++) {
    for (const node of nodes) {
      await node.kill()
      for (let n = 0; n < 4; n++, asked++) await on.ctrl()
      await node.start()
      await on.ctrl()
      asked++
    }
  }
  figure(`ctrl status asked ${asked} times, ${asked} answers`)
  await on.judge(`${ROUNDS * nodes.length} nodes killed`)
})

test.each(['mosquitto', 'nats', 'nats3'] as const)(
  'two processes of one instance on %s find each other: the younger leaves, and names the elder',
  async (name) => {
    const { on } = await openLab(name)
    await using _ = on
    const { lab } = on
    const younger = lab.start('younger', [
      ...['agent', '--instance-id', 'ls240', ...on.site, '--state-dir', lab.path('other-state')],
      ...['--log-dir', lab.path('other-log')],
    ])
    expect(await younger.ended(60)).toMatchObject({ code: 1 })
    expect(younger.text()).toMatch(/ls240 is already running: on \S+, pid \d+, since .* Stop that one first/)
    await on.ctrl()
    await on.judge(`a second ls240 on ${name}`)
  },
)
