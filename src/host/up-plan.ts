import { networkInterfaces } from 'node:os'
import type { Agent } from '../core/agent.ts'
import { WATCH } from '../core/alarms.ts'
import { ConfigError, UsageError } from '../core/errors.ts'
import type { Target } from '../core/managed-host.ts'
import { RECORDER_CLASSES } from '../core/names.ts'
import { findAgent } from '../launch/agents.ts'
import { checkInstanceArguments } from '../launch/check-arguments.ts'
import { findHost, loadSite, recorders } from '../site/find.ts'
import { hubUrl } from '../site/hub-url.ts'
import type { Host, Instance, Site } from '../site/site.ts'
import type { Context } from '../terminal/context.ts'
import type { PlannedRole } from './roles.ts'

/** The class of host managers, as OCS spells it and as one may expect it. */
const MANAGER_CLASSES: readonly string[] = ['HostManager', 'HostManagerAgent']

/** An instance that can be run here. */
export interface PlannedInstance extends PlannedRole {
  readonly agentClass: string
  /** What the site file says that it is to be. */
  readonly target: Target
}
/** What a host runs. */
export interface Plan {
  readonly site: Site
  readonly host: Host
  /** Where the hub is. */
  readonly url: string
  readonly root: string
  /** Agents and recorders, in the order of the file, those with `manage: host/down` too. */
  readonly instances: readonly PlannedInstance[]
  /** Instances that cannot be run here, and why. */
  readonly inoperable: readonly (Pick<PlannedInstance, 'name' | 'agentClass' | 'target'> & {
    readonly why: string
  })[]
  /** The instance by which the host is managed over the bus. */
  readonly manager: Manager | undefined
  readonly hub: PlannedRole
  readonly bridge: PlannedRole
  /** What is left out, a sentence each. */
  readonly notes: readonly string[]
}
/** The instance that is the host's manager, which `ocs up` itself is. */
export interface Manager {
  readonly instance: string
  readonly agent: Agent
  /** Its arguments, checked. */
  readonly args: unknown
}
/** What a plan is made from. */
export interface PlanFrom {
  readonly file: string
  /** The host of the file to be. */
  readonly hostName: string
  readonly siteHub?: string | undefined
  readonly stateDir?: string | undefined
  readonly logDir?: string | undefined
  /** Flags of the host's manager, which win over its arguments. */
  readonly managerFlags?: readonly string[]
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
  const instances: PlannedInstance[] = []
  const inoperable: Plan['inoperable'][number][] = []
  let manager: Manager | undefined
  const recording = recorders(site, (name) => RECORDER_CLASSES.includes(name))
  for (const instance of host.instances) {
    const { instance_id: name, agent_class: agentClass = '(none)', manage, position } = instance
    if (isManager(instance)) {
      const agent = await findAgent(agentClass)
      const checked = checkInstanceArguments(agent, instance, from.managerFlags ?? [], from.env)
      faults.push(...checked.faults)
      if (manager)
        faults.push(`${position}: this host has a host manager already, "${manager.instance}": leave one out`)
      manager ??= { instance: name, agent, args: checked.values }
      notes.push(...checked.notes)
      continue
    }
    if (manage !== 'host/up' && manage !== 'host/down') continue
    const target = manage === 'host/up' ? 'up' : 'down'
    const agent = await findAgent(instance.agent_class ?? '').catch((error: unknown) => {
      if (!(error instanceof ConfigError)) throw error
      return undefined
    })
    if (!agent) {
      const why = `there is no agent class ${agentClass} here`
      inoperable.push({ name, agentClass, target, why })
      if (target === 'up') unsupported.set(why, [...(unsupported.get(why) ?? []), name])
      continue
    }
    const wrong = checkInstanceArguments(agent, instance, [], from.env).faults
    if (wrong.length > 0 && target === 'down') {
      inoperable.push({ name, agentClass, target, why: wrong.join('; ') })
      continue
    }
    faults.push(...wrong)
    instances.push({
      name,
      agentClass,
      target,
      args: ['agent', '--instance-id', name, ...flags, ...folders],
      rank: recording.includes(name) ? 'recorder' : 'agent',
      // An agent keeps what it reads for longer where there is a recorder to fetch it.
      fingerprint: printOf(
        shared,
        wordsOf(instance),
        recording.length > 0,
        // It reads its rules, and who should run, when it starts.
        agentClass === WATCH.agentClass ? [site.alarms, expectedOf(site)] : [],
      ),
    })
  }
  for (const [why, ids] of unsupported) notes.push(`${ids.join(', ')} left out: ${why} (ocs check says more)`)
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
    inoperable,
    manager,
    // It lets only recorders say what is recorded.
    hub: { name: 'hub', args: hub, rank: 'hub', fingerprint: printOf(shared, recording) },
    bridge: { name: 'bridge', args: bridge, rank: 'agent', fingerprint: printOf(shared) },
    notes,
  }
}

/** Whether an instance is a host's manager, however its class is spelled. */
export function isManager({ agent_class = '' }: Pick<Instance, 'agent_class'>): boolean {
  return MANAGER_CLASSES.includes(agent_class)
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

function expectedOf({ hosts }: Site): unknown {
  const all = [...hosts.values()].flatMap(({ instances }) => instances)
  return all.map(({ instance_id, agent_class, manage }) => [instance_id, agent_class, manage])
}

function printOf(...what: unknown[]): string {
  return JSON.stringify(what)
}
