import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { ownModule } from '../machine/own-files.ts'
import type { ForeignArgs } from './foreign-agent.ts'
import { type Instrument, openInstruments } from './instruments.ts'
import { type RolePlan, Station } from './lab-process.ts'
import { foreignLog, type Places, placesOf } from './places.ts'
import { ShiftedClock } from './shifted-clock.ts'
import { SmallDisk } from './small-disk.ts'
import { TakenFiles } from './taken-files.ts'

export const ROOT = 'observatory'
/** Seconds of data in a frame: some are always open, and some being written. */
const FRAME_LENGTH = '0.2'
/** The data node's name, which its metrics begin with. */
export const NODE_NAME = 'CHAOS'
const RECORDER = 'aggregator'
const DATA_NODE = 'node'
const FOREIGN = 'foreign'

/** What a lab is made from. */
export interface LabOptions {
  /** All it writes is in here. */
  readonly dir: string
  readonly seed: number
  /** Whether data and state lie on disks of their own that can be made full. */
  readonly smallDisks: boolean
  /** The library that sets the clock of all processes, where it is to be set. */
  readonly faketime: string | undefined
  /** Hears of a process that ended although no fault made it. */
  onDeath(station: Station, how: string): void
}

/** A whole lab on loopback: simulated instruments in this process, each role an ordinary `ocs` process. */
export class ChaosLab implements AsyncDisposable {
  readonly dir: string
  readonly hubUrl: string
  readonly bridgeUrl: string
  readonly instruments: readonly Instrument[]
  readonly stations: ReadonlyMap<string, Station>
  readonly clock: ShiftedClock | undefined
  /** Takes recordings away. */
  readonly taken: TakenFiles
  readonly disks: { readonly data: SmallDisk; readonly state: SmallDisk } | undefined

  private constructor(
    options: LabOptions,
    ports: Ports,
    instruments: readonly Instrument[],
    disks: ChaosLab['disks'],
  ) {
    const { dir, faketime, onDeath } = options
    this.dir = dir
    const places = placesOf(dir)
    this.hubUrl = `mqtt://127.0.0.1:${ports.mqtt}`
    this.bridgeUrl = `http://127.0.0.1:${ports.bridge}`
    this.instruments = instruments
    this.disks = disks
    this.clock = faketime === undefined ? undefined : new ShiftedClock(faketime, join(dir, 'clock'))
    const plans = rolePlans(
      this.#writeSite(ports, places),
      places,
      instruments,
      ports,
      this.#foreign(options),
    )
    const env = this.clock?.env ?? {}
    this.stations = new Map(plans.map((plan) => [plan.name, new Station(plan, places.log, env, onDeath)]))
    this.taken = new TakenFiles(places.dataDir, places.away, () => this.stations.get(RECORDER)?.process?.pid)
  }

  /** Opens the instruments and starts all roles, the hub first. */
  static async open(options: LabOptions): Promise<ChaosLab> {
    const { dir, seed, smallDisks } = options
    const places = placesOf(dir)
    const disks = smallDisks
      ? { data: await SmallDisk.mount(places.disk), state: await SmallDisk.mount(places.state) }
      : undefined
    for (const folder of Object.values(places)) mkdirSync(folder, { recursive: true })
    writeFileSync(foreignLog(places), '')
    const [mqtt = 0, ws = 0, bridge = 0] = await freePorts(3)
    const instruments = await openInstruments(places, seed)
    const lab = new ChaosLab(options, { mqtt, ws, bridge }, instruments, disks)
    for (const station of lab.stations.values()) station.start()
    return lab
  }

  /** The stations of a kind. */
  of(...kinds: readonly Station['kind'][]): Station[] {
    return [...this.stations.values()].filter(({ kind }) => kinds.includes(kind))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /** Stops all roles, agents first, and the instruments. */
  async stop(): Promise<void> {
    for (const station of this.stations.values()) station.close()
    for (const kinds of [['agent', 'data node', 'bridge', 'foreign agent'], ['recorder'], ['hub']] as const)
      await Promise.all(this.of(...kinds).map((station) => station.stop()))
    for (const instrument of this.instruments) await instrument[Symbol.asyncDispose]()
  }

  #foreign({ dir, seed }: LabOptions): ForeignArgs {
    return {
      ...{ url: this.hubUrl, root: ROOT, instance: FOREIGN, seed },
      log: foreignLog(placesOf(dir)),
      others: [RECORDER, DATA_NODE, ...this.instruments.map(({ agent }) => agent)],
    }
  }

  #writeSite({ mqtt, ws }: Ports, { dataDir }: Places): string {
    const file = join(this.dir, 'site.yaml')
    const instances = [
      ...this.instruments.map(({ agent, agentClass, args }) => [agent, agentClass, args] as const),
      [RECORDER, 'AggregatorAgent', ['--data-dir', dataDir, '--frame-length', FRAME_LENGTH]] as const,
      [DATA_NODE, 'ThermometryDataNode', ['--target', 'pty-1', '--name', NODE_NAME]] as const,
      // It is recorded like any other, as far as there is anything to record.
      [FOREIGN, 'ForeignAgent', []] as const,
    ]
    const text = [
      'hub:',
      `  mqtt_server: mqtt://127.0.0.1:${mqtt}`,
      `  wamp_server: ws://127.0.0.1:${ws}/ws`,
      `  address_root: ${ROOT}`,
      'hosts:',
      '  localhost:',
      '    agent-instances:',
      ...instances.flatMap(([id, agentClass, args]) => [
        `      - agent-class: ${agentClass}`,
        `        instance-id: ${id}`,
        `        arguments: ${JSON.stringify(args)}`,
      ]),
    ]
    writeFileSync(file, `${text.join('\n')}\n`)
    return file
  }
}

interface Ports {
  readonly mqtt: number
  readonly ws: number
  readonly bridge: number
}

function rolePlans(
  site: string,
  { state, log }: Places,
  instruments: readonly Instrument[],
  ports: Ports,
  foreign: ForeignArgs,
): RolePlan[] {
  const where = ['--site-file', site, '--site-host', 'localhost']
  const agent = (name: string, kind: RolePlan['kind']): RolePlan => ({
    name,
    kind,
    args: ['agent', '--instance-id', name, ...where, '--state-dir', state, '--log-dir', join(log, 'agents')],
  })
  return [
    { name: 'hub', kind: 'hub', args: ['hub', ...where] },
    agent(RECORDER, 'recorder'),
    ...instruments.map((instrument) => agent(instrument.agent, 'agent')),
    agent(DATA_NODE, 'data node'),
    {
      name: 'bridge',
      kind: 'bridge',
      args: ['bridge', ...where, '--listen', `127.0.0.1:${ports.bridge}`],
    },
    {
      name: FOREIGN,
      kind: 'foreign agent',
      args: ['run', ownModule('src/chaos/foreign-agent.ts'), JSON.stringify(foreign)],
    },
  ]
}

/** Ports that nobody listens on just now. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.once('error', reject)
          server.listen(0, '127.0.0.1', () => {
            const address = server.address()
            resolve(address && typeof address === 'object' ? address.port : 0)
          })
        }),
    ),
  )
  for (const server of servers) server.close()
  return ports
}
