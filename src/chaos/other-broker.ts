import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { messageOf, OpError, UsageError } from '../core/errors.ts'
import { PROGRAM } from '../host/children.ts'
import type { RolePlan } from './lab-process.ts'

const run = promisify(execFile)

/** Brokers of others that a lab may have in place of its hub, and the program that each is. */
const PROGRAMS = { mosquitto: 'mosquitto', nats: 'nats-server' } as const
export type BrokerName = keyof typeof PROGRAMS
export const brokerNames = Object.keys(PROGRAMS) as BrokerName[]
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
  const program = Bun.which(PROGRAMS[name], { PATH: [path, ...MORE_PATH].join(delimiter) })
  if (program) return { name, program }
  throw new UsageError(`--broker ${name}: there is no ${PROGRAMS[name]} in PATH: install it`)
}

/**
 * A broker of others in place of the hub, with the users that the lab's site file names: each has the rights that
 * `ocs check --acl` prints for it.
 */
export class OtherBroker {
  readonly #chosen: ChosenBroker
  readonly #dir: string
  readonly #passwords = new Map(USERS.map((user) => [user, `p${randomBytes(16).toString('hex')}`]))

  /** @param dir a folder of its own, for its configuration and what it keeps */
  constructor(chosen: ChosenBroker, dir: string) {
    this.#chosen = chosen
    this.#dir = dir
    mkdirSync(dir, { recursive: true })
    for (const [user, password] of this.#passwords)
      writeFileSync(this.keys(user).passwordFile, `${password}\n`, { mode: 0o600 })
  }

  keys(user: BrokerUser): UserKeys {
    return { user, passwordFile: join(this.#dir, `${user}.password`) }
  }

  /** Its process. It dies with its parent: nothing else would end it. */
  get plan(): RolePlan {
    const env = [...this.#passwords].map(([user, password]) => [
      `OCS_PASSWORD_${user.toUpperCase()}`,
      password,
    ])
    return {
      name: 'hub',
      kind: 'hub',
      program: ['setpriv', '--pdeathsig', 'KILL', this.#chosen.program],
      args: ['-c', this.#config],
      env: Object.fromEntries(env),
    }
  }

  /** Writes its configuration, before it is started. @throws OpError when its rights cannot be told */
  async configure(siteFile: string, port: number): Promise<void> {
    const { name } = this.#chosen
    const rights = join(this.#dir, 'rights')
    const [ocs = '', ...args] = PROGRAM
    try {
      const acl = await run(ocs, [...args, 'check', '--acl', name, '--site-file', siteFile])
      writeFileSync(rights, acl.stdout)
      writeFileSync(this.#config, await (name === 'nats' ? this.#nats(port) : this.#mosquitto(port, rights)))
    } catch (cause) {
      throw new OpError(`${name} could not be set up: ${messageOf(cause)}`, { cause })
    }
  }

  get #config(): string {
    return join(this.#dir, 'broker.conf')
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

  async #nats(port: number): Promise<string> {
    return natsConfig(port, join(this.#dir, 'store'), 'server_name: chaos\ninclude rights\n')
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
