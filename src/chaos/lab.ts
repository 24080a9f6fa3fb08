import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { type Instrument, openInstruments } from './instruments.ts'
import { Station } from './lab-process.ts'
import { hubUrlAt, RECORDER, type RoleOptions, rolePlans, siteText } from './lab-roles.ts'
import { type ChosenBroker, OtherBroker, portsOf, type UserKeys } from './other-broker.ts'
import { foreignLog, placesOf } from './places.ts'
import { ShiftedClock } from './shifted-clock.ts'
import { SmallDisk } from './small-disk.ts'
import { TakenFiles } from './taken-files.ts'

/** What a lab is made from. */
export interface LabOptions {
  /** All it writes is in here. */
  readonly dir: string
  readonly seed: number
  /** Whether data and state lie on disks of their own that can be made full. */
  readonly smallDisks: boolean
  /** The library that sets the clock of all processes, where it is to be set. */
  readonly faketime: string | undefined
  /** A broker of others in place of the hub. */
  readonly broker: ChosenBroker | undefined
  /** Hears of a process that ended although no fault made it. */
  onDeath(station: Station, how: string): void
}

/** A whole lab on loopback: simulated instruments in this process, each role an ordinary `ocs` process. */
export class ChaosLab implements AsyncDisposable {
  readonly dir: string
  readonly hubUrl: string
  /** What its clients show a broker of others. */
  readonly keys: UserKeys | undefined
  readonly bridgeUrl: string
  readonly instruments: readonly Instrument[]
  readonly stations: ReadonlyMap<string, Station>
  readonly clock: ShiftedClock | undefined
  /** Takes recordings away. */
  readonly taken: TakenFiles
  readonly disks: { readonly data: SmallDisk; readonly state: SmallDisk } | undefined

  private constructor(options: LabOptions, site: string, roles: RoleOptions, disks: ChaosLab['disks']) {
    const { dir, faketime, onDeath } = options
    const { places, instruments, ports, broker } = roles
    this.dir = dir
    this.hubUrl = hubUrlAt(roles)
    this.keys = broker?.keys('lab')
    this.bridgeUrl = `http://127.0.0.1:${ports.bridge}`
    this.instruments = instruments
    this.disks = disks
    this.clock = faketime === undefined ? undefined : new ShiftedClock(faketime, join(dir, 'clock'))
    const plans = rolePlans(site, roles)
    const env = this.clock?.env ?? {}
    this.stations = new Map(plans.map((plan) => [plan.name, new Station(plan, places.log, env, onDeath)]))
    this.taken = new TakenFiles(places.dataDir, places.away, () => this.stations.get(RECORDER)?.process?.pid)
  }

  /** Opens the instruments and starts all roles, the hub first. @throws OpError for a broker that cannot be set up */
  static async open(options: LabOptions): Promise<ChaosLab> {
    const { dir, seed, smallDisks } = options
    const places = placesOf(dir)
    const disks = smallDisks
      ? { data: await SmallDisk.mount(places.disk), state: await SmallDisk.mount(places.state) }
      : undefined
    for (const folder of Object.values(places)) mkdirSync(folder, { recursive: true })
    writeFileSync(foreignLog(places), '')
    const [ws = 0, bridge = 0, ...own] = await freePorts(2 + portsOf(options.broker))
    const ports = { mqtt: own[0] ?? 0, ws, bridge }
    const broker = options.broker && new OtherBroker(options.broker, join(dir, 'broker'), own)
    const instruments = await openInstruments(places, seed)
    const roles = { places, instruments, ports, broker, seed }
    const site = join(dir, 'site.yaml')
    writeFileSync(site, siteText(roles))
    await broker?.configure(site)
    const lab = new ChaosLab(options, site, roles, disks)
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
