import { join } from 'node:path'
import { type Lab, ROOT, type Running, type StartOptions } from './roles.ts'

/** The site file of the seed, as printed there. */
export const YALE = join(ROOT, 'fixtures', 'sites', 'yale.yaml')
const SITES = join(ROOT, 'fixtures', 'sites')

/** How a walk specifies its site: by flags, or by the environment. Both mean yale.yaml. */
export type Spelling = 'flags' | 'environment'
/** How the 240 is found. */
export type Found = 'serial number' | 'port' | 'ip address'
/** The processes to start, by name. */
export type RoleName = keyof YaleLab['commands']

/**
 * The terminals of the seed's walk-through, each with the command it prints. No address of yale.yaml is ever
 * used: flags replace them by 127.0.0.1.
 */
export class YaleLab {
  readonly dataDir: string
  readonly pty: string
  readonly #lab: Lab
  readonly #site: readonly string[]
  readonly #env: Readonly<Record<string, string>>
  readonly #idle: boolean
  readonly #found: Found

  constructor(lab: Lab, options: { spelling: Spelling; found: Found; idle: boolean }) {
    const flags = options.spelling === 'flags'
    this.#lab = lab
    this.#site = flags ? [`--site-file=${YALE}`, '--site-host=grumpy'] : ['--site=yale', '--site-host=grumpy']
    this.#env = flags ? {} : { OCS_CONFIG_DIR: SITES }
    this.#idle = options.idle
    this.#found = options.found
    this.dataDir = lab.path('data')
    this.pty = lab.path('ttyUSB0')
  }

  /** Starts the simulated instruments. */
  async instruments(): Promise<void> {
    const where = this.#found === 'ip address' ? ['--tcp', '127.0.0.1:7777'] : ['--pty', this.pty]
    await Promise.all([
      this.#lab.sim('240', 'LSA21OQ', ...where),
      this.#lab.sim('372', 'LSA22YG', '--tcp', '127.0.0.1:7771'),
      this.#lab.sim('372', 'LSA22HA', '--tcp', '127.0.0.1:7772'),
    ])
  }

  /** The command typed in each terminal. */
  get commands() {
    const idle = this.#idle ? ['--mode=idle'] : []
    const recorder = this.#idle ? ['--initial-state=idle'] : []
    const found = {
      'serial number': [],
      port: [`--port=${this.pty}`],
      'ip address': ['--ip-address=127.0.0.1'],
    }[this.#found]
    return {
      hub: ['hub'],
      ls240: ['agent', '--instance-id=ls240', ...found, ...idle],
      control: ['agent', '--instance-id=control', '--ip-address=127.0.0.1:7771', ...idle],
      measurement: ['agent', '--instance-id=measurement', '--ip-address=127.0.0.1:7772', ...idle],
      aggregator: ['aggregate', '--instance-id=aggregator', '--data-dir', 'data', ...recorder],
      node: [
        ...['datanode', 'thermometry', '--target=ls240', '--name=LSA21OQ'],
        '--description=LS240 unit in the lab.',
      ],
      node2: ['datanode', 'thermometry'],
      sensors: ['datanode', 'sensors'],
      weather: ['datanode', 'weather'],
      bridge: ['bridge'],
    } as const
  }

  /** Types a command in a new terminal. */
  start(name: RoleName): Running {
    const env: Record<string, string> = { ...this.#env }
    if (name === 'node2') Object.assign(env, { TARGET: 'control', NAME: 'LSA22YG', DESCRIPTION: 'LS372' })
    if (name === 'ls240' && this.#found === 'serial number')
      env['OCS_SERIAL_PORTS'] = this.#lab.path('ttyUSB*')
    return this.#lab.start(name, [...this.commands[name], ...this.#site], { env })
  }

  /** Runs `ocs ctrl …` to its end. */
  ctrl(...args: string[]) {
    return this.#lab.run(['ctrl', ...args, ...this.#site], { env: this.#env } satisfies StartOptions)
  }
}
