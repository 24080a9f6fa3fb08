import { didYouMean, nearOr } from '../core/names.ts'
import type { Position, Problems } from './problems.ts'
import type { Entry, Node } from './tree.ts'

/**
 * A section of a site file: its keys in OCS's spelling, with the reason for those that have no effect here.
 */
export interface Section {
  readonly name: string
  readonly keys: readonly string[]
  readonly required?: readonly string[]
  readonly noEffect?: Readonly<Record<string, string>>
}

const registry = 'the hub itself knows which agents there are'
const timeout = 'an agent keeps its samples and tries again until the hub is back'

/** How to reach a foreign broker; OCS does not have these keys. */
const broker = ['mqtt_user', 'mqtt_password_file', 'mqtt_ca']
/** The whole file; OCS does not have `alarms` and `sites`. */
export const top: Section = {
  name: 'the file',
  keys: ['hub', 'hosts', 'alarms', 'sites'],
  required: ['hub', 'hosts'],
}
/** One of `sites:`, by name: another lab to show. */
export const otherSite: Section = {
  name: 'sites',
  keys: ['mqtt_server', 'address_root', 'credentials', ...broker],
  required: ['mqtt_server'],
}
/**
 * `hub:`. OCS does not have `mqtt_server`, `credentials`, `device_topics` and the keys of a foreign broker;
 * `wamp_http` is for OCS's own clients.
 */
export const hub: Section = {
  name: 'hub',
  keys: [
    'mqtt_server',
    'wamp_server',
    'wamp_http',
    'wamp_realm',
    'address_root',
    'credentials',
    'device_topics',
    ...broker,
  ],
  noEffect: {
    registry_address: registry,
    registry_agent: registry,
    access_policy: 'the hub decides who may do what',
  },
}
/** One of `hosts:`; servers, realm and credentials override those of the hub. */
export const host: Section = {
  name: 'host',
  keys: [
    'agent-instances',
    'log-dir',
    'mqtt_server',
    'wamp_server',
    'wamp_http',
    'wamp_realm',
    'credentials',
    ...broker,
  ],
  required: ['agent-instances'],
  noEffect: {
    crossbar: 'the hub is started by "ocs hub"',
    crossbar_timeout: timeout,
    'crossbar-timeout': timeout,
    'agent-paths': 'name an agent of your own by "module" of its instance',
    registry_address: registry,
  },
}
/** One of several `mqtt_server`; its own credentials take precedence over those for all. */
export const server: Section = {
  name: 'mqtt_server',
  keys: ['address', 'credentials', ...broker],
  required: ['address'],
}
/** `crossbar:` of a host; checked for misspelling only. */
export const crossbar: Section = { name: 'crossbar', keys: ['bin', 'config-dir'] }
/**
 * One of `agent-instances:`; OCS does not have `module`, `python`, `command`, `runtime`, `crossbar` and
 * `process`.
 */
export const instance: Section = {
  name: 'agent-instances',
  keys: [
    'instance-id',
    'agent-class',
    'arguments',
    'manage',
    'module',
    'python',
    'command',
    'runtime',
    'crossbar',
    'process',
  ],
  required: ['instance-id'],
}

/**
 * The entries of a section by key. Unknown and missing keys are reported; keys without effect are noted.
 * @param place where a missing key is reported
 */
export function readSection(
  node: Node,
  place: Position,
  { name, keys, required = [], noEffect = {} }: Section,
  problems: Problems,
  notes: Set<string>,
): ReadonlyMap<string, Entry> {
  if (node.kind !== 'mapping') {
    problems.add(place, `${name} takes keys with values, not ${kindOf(node)}`)
    return new Map()
  }
  const known = [...keys, ...Object.keys(noEffect)]
  const entries = new Map(node.entries.map((entry) => [entry.key, entry]))
  const meant = new Set<string>()
  for (const { key, at } of entries.values()) {
    if (Object.hasOwn(noEffect, key)) notes.add(`${key} has no effect here: ${noEffect[key]}`)
    if (known.includes(key)) continue
    const [near] = didYouMean(key, known)
    if (near) meant.add(near)
    const hint = nearOr(key, known, 'it takes', keys)
    problems.add(at, `unknown key ${JSON.stringify(key)} in ${name}: ${hint}`)
  }
  for (const key of required) {
    if (!entries.has(key) && !meant.has(key)) problems.add(place, `no "${key}" in ${name}`)
  }
  return entries
}

/** The kind of a node, for messages. */
export function kindOf(node: Node): string {
  if (node.kind === 'list') return 'a list'
  if (node.kind === 'mapping') return 'keys'
  return node.text === null ? 'nothing' : JSON.stringify(node.text)
}
