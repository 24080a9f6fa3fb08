import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { Agent } from '../core/agent.ts'
import { wordsOf } from '../core/arguments/agent-arguments.ts'
import { ConfigError, UsageError } from '../core/errors.ts'
import { addressesIn, bareHost, isLoopback } from '../core/host-port.ts'
import type { Target } from '../core/managed-host.ts'
import { NAME } from '../core/names.ts'
import { isRecorder, managerClasses } from '../launch/agents.ts'
import { checkInstanceArguments } from '../launch/check-arguments.ts'
import { checkedArguments, declarationOf, isForeignClass } from '../launch/declared-instances.ts'
import { modulePath, moduleStamp } from '../launch/own-module.ts'
import { findHost, readText, recorders } from '../site/find.ts'
import { firstOf, hubUrl } from '../site/hub-url.ts'
import type { Instance } from '../site/instances.ts'
import { type Host, parseSite, type Site } from '../site/site.ts'
import type { Context } from '../terminal/context.ts'
import type { PlannedRole } from './roles.ts'

/** Milliseconds to stop for an agent that is a separate program. */
const PROGRAM_MS = 8000

/** An instance that can be run here. */
export interface PlannedInstance extends PlannedRole {
  readonly agentClass: string
  /** The target in the site file. */
  readonly target: Target
}
type Inoperable = Pick<PlannedInstance, 'name' | 'agentClass' | 'target'> & { readonly why: string }
/** What a host runs. */
export interface Plan {
  readonly site: Site
  readonly host: Host
  /** The hub's address, several separated by commas. */
  readonly url: string
  readonly root: string
  /** Agents and recorders, in file order, including those with `manage: host/down`. */
  readonly instances: readonly PlannedInstance[]
  /** Instances that cannot be run here, and why. */
  readonly inoperable: readonly Inoperable[]
  /** The instance through which the host is managed over the bus. */
  readonly manager: Manager | undefined
  readonly hub: PlannedRole
  readonly bridge: PlannedRole
  /** Files of the modules of this host's instances, including missing ones. */
  readonly modules: readonly string[]
  /** A sentence for each thing left out. */
  readonly notes: readonly string[]
}
/** The instance that is the host's manager; `ocs up` itself runs as it. */
export interface Manager {
  readonly instance: string
  readonly agent: Agent
  /** Its arguments, checked. */
  readonly args: unknown
}
/** What a plan is made from. */
export interface PlanFrom {
  readonly file: string
  /** The name of this host in the file. */
  readonly hostName: string
  /** The host given by a flag. */
  readonly siteHost: string | undefined
  readonly siteHub?: string | undefined
  readonly stateDir?: string | undefined
  readonly logDir?: string | undefined
  /** Flags of the host's manager, which take precedence over its arguments. */
  readonly managerFlags?: readonly string[]
  /** Where the bridge listens, if not in its default place. */
  readonly bridge?: boolean | string | undefined
  readonly env: Context['env']
  /**
   * Stores the text of a site file that is applied; returns its path, undefined if it could not be stored.
   */
  readonly keep?: (text: string) => string | undefined
}

/**
 * The roles of this host according to its site file. A faulty instance is left out, or stays as it was.
 * @param before the plan in effect
 * @throws ConfigError with a line for each problem of the file as a whole, of this host, and of flags for its
 *   manager; and of all instances, when none of them could be run
 */
export async function makePlan(from: PlanFrom, before?: Plan): Promise<Plan> {
  const { file, siteHub, stateDir, logDir } = from
  const text = await readText(file)
  const site = parseSite(text, file)
  const host = findHost(site, from.siteHost)
  const url = hubUrl(site, host, siteHub)
  const flags = [
    ...['--site-file', file, '--site-host', host.name],
    ...(siteHub === undefined ? [] : ['--site-hub', siteHub]),
  ]
  const state = stateDir === undefined ? [] : ['--state-dir', stateDir]
  const folders = [...state, ...(logDir === undefined ? [] : ['--log-dir', logDir])]
  const copy = from.keep?.(text)
  const env = copy === undefined ? {} : { OCS_SITE_FILE: file, OCS_SITE_COPY: copy }
  const shared = [url, site.hub, host.hub, host.log_dir, flags, folders]
  const looks = new Map(
    await Promise.all(
      host.instances
        .filter(isLookedAt)
        .map(async (one) => [one, await examined(one, site, from.env)] as const),
    ),
  )
  // A recorder that stays as it was remains a recorder: the hub accepts its acknowledgements.
  const kept = (before?.instances ?? []).filter(
    ({ name, rank }) =>
      rank === 'recorder' && [...looks].some(([one, look]) => one.instance_id === name && isSpoilt(look)),
  )
  const recording = [...new Set([...recorders(site, isRecorder), ...kept.map(({ name }) => name)])]
  const notes: string[] = []
  const faults: string[] = []
  const unsupported = new Map<string, string[]>()
  const instances: PlannedInstance[] = []
  const inoperable: Inoperable[] = []
  let manager: Manager | undefined
  for (const instance of host.instances) {
    const { instance_id: name, manage, position } = instance
    if (isManager(instance)) {
      if (manager)
        notes.push(`${position}: ${name} left out: "${manager.instance}" is the manager of this host already`)
      else manager = await managerOf(instance, from, notes)
      continue
    }
    const found = looks.get(instance)
    if (!found) continue
    const target = manage === 'host/down' ? 'down' : 'up'
    const agentClass = instance.agent_class ?? found.agent?.spec.class ?? '(none)'
    if ('why' in found) {
      const { why, isForeign } = found
      const isNew = !instances.some((one) => one.name === name)
      const kept = isNew && !isForeign && before?.instances.find((one) => one.name === name)
      if (!isForeign) faults.push(why)
      if (kept) {
        instances.push(kept)
        notes.push(`${name} stays as it was:\n${why}`)
        continue
      }
      if (isNew && NAME.test(name)) inoperable.push({ name, agentClass, target, why })
      if (target === 'down') continue
      if (isForeign) unsupported.set(why, [...(unsupported.get(why) ?? []), name])
      else notes.push(`${name || 'an instance'} left out:\n${why}`)
      continue
    }
    const rank = recording.includes(name) ? 'recorder' : 'agent'
    // The working folder belongs to a whole process.
    const isShared =
      found.agent.spec.isProgram === true &&
      rank === 'agent' &&
      instance.process !== 'own' &&
      found.common['working_dir'] === undefined
    const words = wordsOf(instance.arguments).map((word) => word.text)
    instances.push({
      name,
      agentClass,
      target,
      args: ['agent', '--instance-id', name, ...flags, ...folders],
      env,
      // Its program must hand over its rows and then end.
      ...(found.agent.spec.isProgram && { patience: PROGRAM_MS }),
      rank,
      isShared,
      // An agent keeps its rows longer if there is a recorder to fetch them.
      fingerprint: printOf(
        shared,
        [instance.agent_class, words],
        recording.length > 0,
        isShared,
        // These define its program.
        [instance.python, instance.runtime, instance.command, instance.crossbar],
        // It reads its rules, and the instances that should run, only when it starts.
        found.agent.spec.readsAlarms ? [site.alarms, expectedOf(site)] : [],
        ...(instance.module ? [instance.module.name, moduleStamp(instance.module)] : []),
      ),
    })
  }
  instances.push(...maybeUnnamed(host, before))
  if (!before && instances.length === 0 && !manager && faults.length > 0)
    throw new ConfigError([...new Set(faults)].join('\n'))
  for (const [why, ids] of unsupported) notes.push(`${ids.join(', ')} left out: ${why} (ocs check says more)`)
  const listen = listenFlags(url, siteHub !== undefined)
  const hub = ['hub', ...flags, ...state, ...listen]
  const bridge = [
    ...['bridge', ...flags],
    ...(typeof from.bridge === 'string' ? ['--listen', from.bridge] : []),
  ]
  return {
    site,
    host,
    url,
    root: site.hub.address_root,
    instances,
    inoperable,
    manager,
    // The hub accepts acknowledgements only from recorders.
    hub: { name: 'hub', args: hub, env, rank: 'hub', fingerprint: printOf(shared, recording) },
    bridge: { name: 'bridge', args: bridge, env, rank: 'agent', fingerprint: printOf(shared) },
    modules: host.instances.flatMap(({ module }) => (module && modulePath(module)) ?? []),
    notes,
  }
}

/**
 * Running instances that are no longer in the file, if the file has an entry whose id cannot be read: it may
 * be one of them.
 */
function maybeUnnamed({ instances }: Host, before: Plan | undefined): readonly PlannedInstance[] {
  if (!before || instances.every(({ instance_id }) => instance_id !== '')) return []
  return before.instances.filter(({ name }) => !instances.some(({ instance_id }) => instance_id === name))
}

/**
 * Whether an instance is handled here: not the manager, which is this program, and none that others manage,
 * unless it has faults.
 */
function isLookedAt(instance: Instance): boolean {
  const { manage, faults } = instance
  return !isManager(instance) && (manage === 'host/up' || manage === 'host/down' || faults.length > 0)
}

/** An instance's declaration; or why it cannot be run, and whether that is because its class is not ours. */
type Look =
  | { readonly agent: Agent; readonly common: Readonly<Record<string, string>> }
  | { readonly agent?: Agent; readonly why: string; readonly isForeign: boolean }

/** Whether an instance of our own is faulty. */
function isSpoilt(look: Look): boolean {
  return 'why' in look && !look.isForeign
}

async function examined(instance: Instance, { alarmFaults }: Site, env: Context['env']): Promise<Look> {
  try {
    const agent = await declarationOf(instance, env)
    const checked = checkedArguments(agent, instance, env)
    const faults = [...checked.faults, ...(agent.spec.readsAlarms ? alarmFaults : [])]
    return faults.length === 0
      ? { agent, common: checked.common }
      : { agent, why: faults.join('\n'), isForeign: false }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    if (instance.faults.length > 0) return { why: instance.faults.join('\n'), isForeign: false }
    if (isForeignClass(error))
      return { why: `there is no agent class ${instance.agent_class} here`, isForeign: true }
    const isPlaced = /^.*?:\d+:\d+: /.test(error.message)
    return { why: isPlaced ? error.message : `${instance.position}: ${error.message}`, isForeign: false }
  }
}

/**
 * The manager of a host; undefined for one that is faulty.
 * @throws ConfigError if it is faulty and flags were given for it
 */
async function managerOf(
  instance: Instance,
  { env, managerFlags = [] }: PlanFrom,
  notes: string[],
): Promise<Manager | undefined> {
  const agent = await declarationOf(instance, env)
  const checked = checkInstanceArguments(agent, instance, managerFlags, env)
  notes.push(...checked.notes)
  if (checked.faults.length === 0) return { instance: instance.instance_id, agent, args: checked.values }
  if (managerFlags.length > 0) throw new ConfigError(checked.faults.join('\n'))
  notes.push(`${instance.instance_id}, the host manager, left out:\n${checked.faults.join('\n')}`)
  return undefined
}

/** Whether an instance is a host's manager, however its class is spelled. */
function isManager({ agent_class = '' }: Pick<Instance, 'agent_class'>): boolean {
  return managerClasses.includes(agent_class)
}

/**
 * Refuses `--bridge` if an instance is named `bridge`.
 * @throws UsageError
 */
export function mustBeOneBridge({ instances }: Plan): void {
  if (instances.some(({ name }) => name === 'bridge'))
    throw new UsageError('--bridge: an instance of the site file is called "bridge" already: rename it')
}

/** Whether an address belongs to this machine. */
export function isHere(url: string): boolean {
  if (isLocal(url) || isSeveral(url)) return isLocal(url)
  const name = bareHost(new URL(url).hostname)
  return Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === name))
}

/**
 * Whether an address is on loopback, where a hub may listen without further conditions. Several addresses
 * mean brokers that others run.
 */
export function isLocal(url: string): boolean {
  return !isSeveral(url) && isLoopback(new URL(url).hostname)
}

function isSeveral(url: string): boolean {
  return addressesIn(url).length > 1
}

/**
 * Flags that tell the hub where to listen: by default it listens where the site file says, but over TLS only
 * when told to.
 */
function listenFlags(url: string, isOverride: boolean): string[] {
  const { protocol, hostname, port } = new URL(firstOf(url))
  const flag = protocol.startsWith('mqtt') ? '--listen' : '--listen-ws'
  const address = isIP(hostname.replace(/^\[|\]$/g, '')) ? hostname : '0.0.0.0'
  const at = port || String({ 'mqtt:': 1883, 'ws:': 80, 'mqtts:': 8883, 'wss:': 443 }[protocol])
  if (protocol === 'mqtts:' || protocol === 'wss:') return isLocal(url) ? [] : [flag, `${address}:${at}`]
  return isOverride ? [flag, `${hostname === 'localhost' ? '127.0.0.1' : hostname}:${at}`] : []
}

function expectedOf({ hosts }: Site): unknown {
  const all = [...hosts.values()].flatMap(({ instances }) => instances)
  return all.map(({ instance_id, agent_class, manage }) => [instance_id, agent_class, manage])
}

function printOf(...what: unknown[]): string {
  return JSON.stringify(what)
}
