import { mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, dirname } from 'node:path'
import { mosquittoConfig, natsConfig } from '../../src/chaos/other-broker.ts'
import type { Lab, Running } from './roles.ts'

/** Other brokers on which ocs runs; `nats3` is a cluster of three nodes. */
export const BROKERS = ['mosquitto', 'nats', 'nats3'] as const
export type BrokerName = (typeof BROKERS)[number]

/** The port of the first node, where a hub would listen; the ports of the others follow. */
const PORT = 1883
/** NATS if the check is given one, and Mosquitto where Debian installs it. */
const nats = process.env['OCS_NATS']
export const BROKER_PATH = [
  ...(nats ? [dirname(nats)] : []),
  ...[process.env['PATH'], '/usr/sbin', '/usr/local/sbin'],
].join(delimiter)

/** One server of a broker, which may be killed and restarted. */
export class BrokerNode {
  readonly url: string
  readonly #lab: Lab
  readonly #name: string
  readonly #command: readonly string[]
  readonly #ready: RegExp
  #running: Running | undefined

  constructor(lab: Lab, name: string, port: number, command: readonly string[], ready: RegExp) {
    this.#lab = lab
    this.#name = name
    this.url = `mqtt://127.0.0.1:${port}`
    this.#command = command
    this.#ready = ready
  }

  /** Starts it and waits until it accepts clients. */
  async start(): Promise<Running> {
    this.#running = this.#lab.program(this.#name, this.#command, { env: { PATH: BROKER_PATH } })
    await this.#running.says(this.#ready, 60)
    return this.#running
  }

  async kill(): Promise<void> {
    await this.#running?.kill()
  }
}

/** Starts a broker on loopback, and waits until it accepts clients. @param more lines of its configuration */
export async function startBroker(lab: Lab, name: BrokerName, more = ''): Promise<readonly BrokerNode[]> {
  const nodes = nodesOf(lab, name, more)
  await Promise.all(nodes.map((node) => node.start()))
  return nodes
}

/** Clusters whose first node is killed and restarted, while the others go on. */
const clusters = new WeakMap<Lab, BrokerNode>()

/**
 * Starts the broker's server at the usual port: the only one, or the first node of a cluster, whose other
 * nodes keep running. @throws Error for a name that is not a broker
 */
export async function startOne(lab: Lab, name: string): Promise<Running> {
  const known = clusters.get(lab)
  if (known) return await known.start()
  const broker = BROKERS.find((one) => one === name)
  if (!broker) throw new Error(`OCS_BROKER=${name}: ${BROKERS.join(', ')}`)
  const [first, ...others] = nodesOf(lab, broker, '')
  if (!first) throw new Error(`${broker} has no node`)
  if (others.length > 0) clusters.set(lab, first)
  const [running] = await Promise.all([first, ...others].map((node) => node.start()))
  if (!running) throw new Error(`${broker} has no node`)
  return running
}

/** The addresses of a broker's nodes, in the form of `mqtt_server` and `--site-hub`. */
export function urlOf(nodes: readonly BrokerNode[]): string {
  return nodes.map(({ url }) => url).join(',')
}

function nodesOf(lab: Lab, name: BrokerName, more: string): BrokerNode[] {
  if (name === 'mosquitto') {
    const file = lab.path('mosquitto.conf')
    const open = more === '' ? 'allow_anonymous true\n' : more
    writeFileSync(file, mosquittoConfig(PORT, open))
    return [new BrokerNode(lab, 'mosquitto', PORT, ['mosquitto', '-c', file], /mosquitto version .* running/)]
  }
  const count = name === 'nats3' ? 3 : 1
  const routes = Array.from({ length: count }, (_, n) => `nats://127.0.0.1:${6222 + n}`)
  return routes.map((_, n) => {
    const file = lab.path(`nats-${n}.conf`)
    const store = lab.path(`nats-${n}`)
    mkdirSync(store, { recursive: true })
    const cluster = `cluster { name: lab, listen: 127.0.0.1:${6222 + n}, routes: ${JSON.stringify(routes)} }\n`
    const about = `server_name: n${n}\n${count > 1 ? cluster : ''}${more}`
    writeFileSync(file, natsConfig(PORT + n, store, about, count))
    return new BrokerNode(lab, `nats-${n}`, PORT + n, ['nats-server', '-c', file], /Server is ready/)
  })
}
