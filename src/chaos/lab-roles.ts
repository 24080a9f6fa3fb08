import { join } from 'node:path'
import type { ForeignArgs } from './foreign-agent.ts'
import type { Instrument } from './instruments.ts'
import type { RolePlan } from './lab-process.ts'
import type { OtherBroker, UserKeys } from './other-broker.ts'
import { foreignLog, type Places } from './places.ts'

export const ROOT = 'observatory'
/** Seconds of data in a frame: some are always open, and some being written. */
const FRAME_LENGTH = '0.2'
/** The data node's name, which its metrics begin with. */
export const NODE_NAME = 'CHAOS'
export const RECORDER = 'aggregator'
const DATA_NODE = 'node'
const FOREIGN = 'foreign'

/** What the roles of a lab go by. */
export interface RoleOptions {
  readonly places: Places
  readonly instruments: readonly Instrument[]
  readonly ports: { readonly mqtt: number; readonly ws: number; readonly bridge: number }
  /** A broker of others in place of the hub. */
  readonly broker: OtherBroker | undefined
  readonly seed: number
}

/** The lab's site file; the foreign agent is at home on another host, whose keys let it speak for itself alone. */
export function siteText(options: RoleOptions): string {
  const { places, instruments, ports, broker } = options
  const own = [
    ...instruments.map(({ agent, agentClass, args }) => [agent, agentClass, args] as const),
    [RECORDER, 'AggregatorAgent', ['--data-dir', places.dataDir, '--frame-length', FRAME_LENGTH]] as const,
    [DATA_NODE, 'ThermometryDataNode', ['--target', 'pty-1', '--name', NODE_NAME]] as const,
  ]
  const host = (
    name: string,
    keys: UserKeys | undefined,
    instances: readonly (readonly [string, string, readonly string[]])[],
  ) => [
    `  ${name}:`,
    ...(keys ? [`    mqtt_user: ${keys.user}`, `    mqtt_password_file: ${keys.passwordFile}`] : []),
    '    agent-instances:',
    ...instances.flatMap(([id, agentClass, args]) => [
      `      - agent-class: ${agentClass}`,
      `        instance-id: ${id}`,
      `        arguments: ${JSON.stringify(args)}`,
    ]),
  ]
  const text = [
    'hub:',
    `  mqtt_server: [${hubUrlAt(options).replaceAll(',', ', ')}]`,
    `  wamp_server: ws://127.0.0.1:${ports.ws}/ws`,
    `  address_root: ${ROOT}`,
    'hosts:',
    ...host('localhost', broker?.keys('lab'), own),
    // It is recorded like any other, as far as there is anything to record.
    ...host('elsewhere', broker?.keys('foreign'), [[FOREIGN, 'ForeignAgent', []]]),
  ]
  return `${text.join('\n')}\n`
}

/** The processes of a lab, the hub, or all nodes of a broker, first. @param site the site file */
export function rolePlans(site: string, options: RoleOptions): RolePlan[] {
  const { places, instruments, ports, broker, seed } = options
  const { state, log } = places
  const where = ['--site-file', site, '--site-host', 'localhost']
  const agent = (name: string, kind: RolePlan['kind']): RolePlan => ({
    name,
    kind,
    args: ['agent', '--instance-id', name, ...where, '--state-dir', state, '--log-dir', join(log, 'agents')],
  })
  const foreign: ForeignArgs = {
    ...{ url: hubUrlAt(options), root: ROOT, instance: FOREIGN, seed },
    keys: broker?.keys('foreign'),
    log: foreignLog(places),
    others: [RECORDER, DATA_NODE, ...instruments.map((instrument) => instrument.agent)],
  }
  return [
    ...(broker?.plans ?? [{ name: 'hub', kind: 'hub', args: ['hub', ...where] } as const]),
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
      args: ['foreign-agent', JSON.stringify(foreign)],
    },
  ]
}

/** Where clients find the hub, or the nodes of a broker, with commas between. */
export function hubUrlAt({ ports, broker }: Pick<RoleOptions, 'ports' | 'broker'>): string {
  return (broker?.ports ?? [ports.mqtt]).map((port) => `mqtt://127.0.0.1:${port}`).join(',')
}
