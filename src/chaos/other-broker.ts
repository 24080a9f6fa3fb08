import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { messageOf, OpError, UsageError } from '../core/errors.ts'
import { PROGRAM } from '../host/children.ts'
import type { RolePlan } from './lab-process.ts'

const run = promisify(execFile)

/** Brokers of others that a lab may have in place of its hub, the program that each is, and its nodes; `nats3` is a cluster. */
const BROKERS = {
  mosquitto: { program: 'mosquitto', nodes: 1, rights: 'mosquitto' },
  nats: { program: 'nats-server', nodes: 1, rights: 'nats' },
  nats3: { program: 'nats-server', nodes: 3, rights: 'nats' },
} as const
export type BrokerName = keyof typeof BROKERS
export const brokerNames = Object.keys(BROKERS) as BrokerName[]
/** Debian keeps Mosquitto where an ordinary account does not look. */
const MORE_PATH = ['/usr/sbin', '/usr/local/sbin']

/** Who is known to it: the lab's own roles, and the foreign agent, which may speak for itself alone. */
export type BrokerUser = 'lab' | 'foreign'
const USERS: readonly BrokerUser[] = ['lab', 'foreign']

/** What a site file calls `mqtt_user` and `mqtt_password_file`. */
export interface UserKeys {
  readonly user: BrokerUser
  readonly passwordFile: string
}

/** A broker that a run uses: its name, and where its program is. */
export interface ChosenBroker {
  readonly name: BrokerName
  readonly program: string
}

/** Finds the program of a broker. @throws UsageError where it is not installed */
export function findBroker(name: BrokerName, path: string | undefined): ChosenBroker {
  const wanted = BROKERS[name].program
  const program = Bun.which(wanted, { PATH: [path, ...MORE_PATH].join(delimiter) })
  if (program) return { name, program }
  throw new UsageError(`--broker ${name}: there is no ${wanted} in PATH: install it`)
}

/** A server of a broker, and the ports by which clients and other nodes come. */
interface Node {
  readonly name: string
  readonly port: number
  readonly inner: number
}

/** How many ports a broker takes: two for each node, by which clients and other nodes come. */
export function portsOf(broker: ChosenBroker | undefined): number {
  return 2 * (broker ? BROKERS[broker.name].nodes : 1)
}

/**
 * A broker of others in place of the hub, with the users that the lab's site file names: each has the rights that
 * `ocs check --acl` prints for it.
 */
export class OtherBroker {
  readonly #chosen: ChosenBroker
  readonly #dir: string
  readonly #nodes: readonly Node[]
  readonly #passwords = new Map(USERS.map((user) => [user, `p${randomBytes(16).toString('hex')}`]))

  /**
   * @param dir a folder of its own, for its configuration and what it keeps
   * @param ports as many as `portsOf` says
   */
  constructor(chosen: ChosenBroker, dir: string, ports: readonly number[]) {
    this.#chosen = chosen
    this.#dir = dir
    const { nodes } = BROKERS[chosen.name]
    this.#nodes = Array.from({ length: nodes }, (_, n) => ({
      name: nodes === 1 ? 'hub' : `hub-${n + 1}`,
      port: ports[2 * n] ?? 0,
      inner: ports[2 * n + 1] ?? 0,
    }))
    mkdirSync(dir, { recursive: true })
    for (const [user, password] of this.#passwords)
      writeFileSync(this.keys(user).passwordFile, `${password}\n`, { mode: 0o600 })
  }

  keys(user: BrokerUser): UserKeys {
    return { user, passwordFile: join(this.#dir, `${user}.password`) }
  }

  /** By which ports clients come, a node each. */
  get ports(): number[] {
    return this.#nodes.map(({ port }) => port)
  }

  /** Its processes, a node each. They die with their parent: nothing else would end them. */
  get plans(): RolePlan[] {
    const env = [...this.#passwords].map(([user, password]) => [
      `OCS_PASSWORD_${user.toUpperCase()}`,
      password,
    ])
    return this.#nodes.map(({ name }) => ({
      name,
      kind: 'hub',
      program: ['setpriv', '--pdeathsig', 'KILL', this.#chosen.program],
      args: ['-c', this.#config(name)],
      env: Object.fromEntries(env),
    }))
  }

  /** Writes its configuration, before it is started. @throws OpError when its rights cannot be told */
  async configure(siteFile: string): Promise<void> {
    const { name } = this.#chosen
    const rights = join(this.#dir, 'rights')
    const [ocs = '', ...args] = PROGRAM
    try {
      const acl = await run(ocs, [...args, 'check', '--acl', BROKERS[name].rights, '--site-file', siteFile])
      writeFileSync(rights, acl.stdout)
      for (const node of this.#nodes) {
        const text = name === 'mosquitto' ? await this.#mosquitto(node.port, rights) : this.#nats(node)
        writeFileSync(this.#config(node.name), text)
      }
    } catch (cause) {
      throw new OpError(`${name} could not be set up: ${messageOf(cause)}`, { cause })
    }
  }

  #config(node: string): string {
    return join(this.#dir, `${node}.conf`)
  }

  async #mosquitto(port: number, rights: string): Promise<string> {
    const passwords = join(this.#dir, 'passwords')
    writeFileSync(passwords, [...this.#passwords].map((each) => `${each.join(':')}\n`).join(''), {
      mode: 0o600,
    })
    await run('mosquitto_passwd', ['-U', passwords])
    // As another account it could not read these, and would outlive its parent.
    const account = process.getuid?.() === 0 ? 'user root\n' : ''
    return mosquittoConfig(port, `${account}password_file ${passwords}\nacl_file ${rights}\n`)
  }

  #nats({ name, port, inner }: Node): string {
    const { length } = this.#nodes
    const routes = JSON.stringify(this.#nodes.map((node) => `nats://127.0.0.1:${node.inner}`))
    const cluster =
      length > 1 ? `cluster { name: chaos, listen: 127.0.0.1:${inner}, routes: ${routes} }\n` : ''
    return natsConfig(
      port,
      join(this.#dir, `store-${name}`),
      `server_name: ${name}\n${cluster}include rights\n`,
      length,
    )
  }
}

/** A configuration of Mosquitto on loopback. @param more lines of it: who may what, at least */
export function mosquittoConfig(port: number, more: string): string {
  return `listener ${port} 127.0.0.1\nset_tcp_nodelay true\n${more}`
}

/**
 * A configuration of a NATS server on loopback.
 * @param store the folder for what it retains
 * @param more lines of it: its name, at least
 * @param replicas nodes of its cluster that keep each
 */
export function natsConfig(port: number, store: string, more: string, replicas = 1): string {
  const lines = [
    'listen: 127.0.0.1:-1',
    `jetstream { store_dir: ${JSON.stringify(store)} }`,
    `mqtt { listen: 127.0.0.1:${port}, stream_replicas: ${replicas} }`,
  ]
  return `${lines.join('\n')}\n${more}`
}
