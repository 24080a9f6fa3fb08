import { networkInterfaces } from 'node:os'
import { ConfigError, UsageError } from '../core/errors.ts'
import { findHost, loadSite, recorders } from '../site/find.ts'
import { hubUrl } from '../site/hub-url.ts'
import type { Host, Instance, Site } from '../site/site.ts'
import { checkArguments } from './agent.ts'
import { findAgent } from './agents.ts'
import type { Role } from './children.ts'
import type { Context } from './context.ts'
import { RECORDER_CLASSES } from './site.ts'

/** When a role is stopped: agents before recorders before the hub. */
export type Rank = 'agent' | 'recorder' | 'hub'
/** A role of this host, with all that it depends on in the site file. */
export interface PlannedRole extends Role {
  readonly rank: Rank
  /** Changes when the role has to be started anew to take up a changed site file. */
  readonly fingerprint: string
}
/** What a host runs. */
export interface Plan {
  readonly site: Site
  readonly host: Host
  /** Where the hub is. */
  readonly url: string
  readonly root: string
  /** Agents and recorders, in the order of the file. */
  readonly instances: readonly PlannedRole[]
  readonly hub: PlannedRole
  readonly bridge: PlannedRole
  /** What is left out, a sentence each. */
  readonly notes: readonly string[]
}
/** What a plan is made from. */
export interface PlanFrom {
  readonly file: string
  /** The host of the file to be. */
  readonly hostName: string
  readonly siteHub?: string | undefined
  readonly stateDir?: string | undefined
  readonly logDir?: string | undefined
  readonly env: Context['env']
}

/**
 * What this host runs by its site file.
 * @throws ConfigError with a line for each problem: of the file, and of the arguments of what would be run
 */
export async function makePlan(from: PlanFrom): Promise<Plan> {
  const { file, siteHub, stateDir, logDir } = from
  const site = await loadSite(file)
  const host = findHost(site, from.hostName)
  const url = hubUrl(site, host, siteHub)
  const flags = [
    ...['--site-file', file, '--site-host', host.name],
    ...(siteHub === undefined ? [] : ['--site-hub', siteHub]),
  ]
  const folders = [
    ...(stateDir === undefined ? [] : ['--state-dir', stateDir]),
    ...(logDir === undefined ? [] : ['--log-dir', logDir]),
  ]
  const shared = [url, site.hub, host.hub, host.log_dir, flags, folders]
  const notes: string[] = []
  const faults: string[] = []
  const unsupported = new Map<string, string[]>()
  const instances: PlannedRole[] = []
  const recording = recorders(site, (name) => RECORDER_CLASSES.includes(name))
  for (const instance of host.instances) {
    if (instance.manage !== 'host/up') continue
    const agent = await findAgent(instance.agent_class ?? '').catch((error: unknown) => {
      if (!(error instanceof ConfigError)) throw error
      return undefined
    })
    const { instance_id: name, agent_class = '(none)' } = instance
    if (!agent) {
      unsupported.set(agent_class, [...(unsupported.get(agent_class) ?? []), name])
      continue
    }
    faults.push(...checkArguments(agent, instance.arguments, [], from.env).faults)
    instances.push({
      name,
      args: ['agent', '--instance-id', name, ...flags, ...folders],
      rank: recording.includes(name) ? 'recorder' : 'agent',
      // An agent keeps what it reads for longer where there is a recorder to fetch it.
      fingerprint: printOf(shared, wordsOf(instance), recording.length > 0),
    })
  }
  for (const [agentClass, ids] of unsupported) {
    notes.push(`${ids.join(', ')} left out: there is no agent class ${agentClass} here (ocs check says more)`)
  }
  if (faults.length > 0) throw new ConfigError(faults.join('\n'))
  const listen = siteHub === undefined ? [] : listenFlags(siteHub)
  const hub = ['hub', ...flags, ...listen]
  const bridge = ['bridge', ...flags]
  return {
    site,
    host,
    url,
    root: site.hub.address_root,
    instances,
    // It lets only recorders say what is recorded.
    hub: { name: 'hub', args: hub, rank: 'hub', fingerprint: printOf(shared, recording) },
    bridge: { name: 'bridge', args: bridge, rank: 'agent', fingerprint: printOf(shared) },
    notes,
  }
}

/** Refuses what two roles cannot share. @throws UsageError */
export function mustBeOneBridge({ instances }: Plan): void {
  if (instances.some(({ name }) => name === 'bridge'))
    throw new UsageError('--bridge: an instance of the site file is called "bridge" already: rename it')
}

/** Whether an address is one of this machine's own. */
export function isHere(url: string): boolean {
  const name = new URL(url).hostname.replace(/^\[|\]$/g, '').toLowerCase()
  if (isLocal(url)) return true
  return Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === name))
}

/** Whether an address is on loopback, where a hub may listen without more ado. */
export function isLocal(url: string): boolean {
  return /^(localhost|\[::1\]|127(\.\d{1,3}){3})$/i.test(new URL(url).hostname)
}

function listenFlags(siteHub: string): string[] {
  const { protocol, hostname, port } = new URL(siteHub)
  const host = hostname === 'localhost' ? '127.0.0.1' : hostname
  if (protocol === 'mqtt:') return ['--listen', `${host}:${port || 1883}`]
  return protocol === 'ws:' ? ['--listen-ws', `${host}:${port || 80}`] : []
}

function wordsOf({ agent_class, arguments: given }: Instance): unknown {
  const words = given.flat().map((word) => (typeof word === 'string' ? word : word.text))
  return [agent_class, words]
}

function printOf(...what: unknown[]): string {
  return JSON.stringify(what)
}
