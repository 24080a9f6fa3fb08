import type { builtIn } from '../core/built-in.ts'
import { channels } from '../core/channels.ts'
import { BRIDGE, drainInstance, drainsFor } from '../core/names.ts'
import type { Action } from '../core/ops.ts'
import { addressOf, type Channel, topic } from '../core/topic.ts'
import type { Principal } from '../principals/principal.ts'
import { limits } from './limits.ts'

/** What a client may do; a client may have several roles. */
export type Role = 'agent' | 'recorder' | 'observer' | 'operator' | 'admin'
/** A client: its id and the roles given to it at its log-in. */
export interface Caller {
  readonly id: string
  readonly roles: ReadonlySet<Role>
  /** The topics of devices on which its principal publishes, and those of all principals. */
  readonly devices?: DeviceTopics | undefined
}
/** Prefixes of topics outside the lab's root, for third-party devices (`device_topics` of the site file). */
export interface DeviceTopics {
  readonly own: readonly string[]
  readonly all: readonly string[]
}
/** A message with its topic. */
export interface Publication {
  readonly topic: string
  readonly qos: number
  readonly retain: boolean
  readonly payload?: string | Uint8Array
}

/**
 * The roles of a client. The account that runs the hub may do everything, and be an agent under any id. An
 * agent and a recorder have these roles only under their own id; under another id they may only read. Under
 * the id of a bridge every client may only read, including the account of the hub.
 * @param recorders the recorders of the site, if it is known: then only these may acknowledge
 */
export function rolesOf(
  { name, role }: Principal,
  id: string,
  recorders?: readonly string[],
): ReadonlySet<Role> {
  if (BRIDGE.test(id)) return new Set(role === 'newcomer' ? [] : ['observer'])
  const own = id === name || drainsFor(id, name)
  switch (role) {
    case 'owner': {
      const roles: Role[] = ['agent', 'observer', 'operator', 'admin']
      return new Set(recorders === undefined || recorders.includes(id) ? [...roles, 'recorder'] : roles)
    }
    case 'admin':
      return new Set(['observer', 'operator', 'admin'])
    case 'operator':
      return new Set(['observer', 'operator'])
    case 'recorder':
      return new Set(own ? ['agent', 'observer', 'recorder'] : ['observer'])
    case 'agent':
      return new Set(own ? ['agent', 'observer'] : ['observer'])
    case 'bridge':
    case 'observer':
      return new Set(['observer'])
    case 'device':
    case 'newcomer':
      return new Set()
  }
}

/**
 * The rights on a channel. Publishing: the required role (`hub`: only the hub), and the name in the topic
 * that has to be the client's own id. Receiving: observers, or only `to`: the agent or the client in the
 * topic, or administrators.
 */
interface Rule {
  readonly channel: Channel
  readonly role: Role | 'hub'
  readonly own?: 'instance' | 'client'
  readonly to?: 'instance' | 'client' | 'admins'
}
const { presence, api, session, reply, feed, message, last, replayed, drains, event } = channels
const { request, query, replay, ack, hub, ping, refused, login, audit } = channels
/** The rights, one line per channel. */
export const rules: readonly Rule[] = [
  ...[presence, api, session, feed, message, last, drains, event].map(
    (channel) => ({ channel, role: 'agent', own: 'instance' }) as const,
  ),
  ...[reply, replayed].map((channel) => ({ channel, role: 'agent', own: 'instance', to: 'client' }) as const),
  { channel: request, role: 'operator', own: 'client', to: 'instance' },
  { channel: query, role: 'observer', own: 'client', to: 'instance' },
  { channel: replay, role: 'observer', own: 'client', to: 'instance' },
  { channel: ack, role: 'recorder', to: 'instance' },
  { channel: hub, role: 'hub' },
  { channel: ping, role: 'hub', to: 'client' },
  { channel: refused, role: 'hub', to: 'client' },
  { channel: login, role: 'hub', to: 'client' },
  { channel: audit, role: 'hub', to: 'admins' },
]
/** Actions that only read. */
const looks: ReadonlySet<string> = new Set(['status', 'wait'] satisfies Action[])
const locks: ReadonlySet<string> = new Set(['lock', 'unlock'] satisfies (keyof typeof builtIn)[])
/**
 * Rules by the word that follows the instance-id, so that a message is compared with one or two patterns and
 * not all.
 */
const ruleOf = Map.groupBy(rules, ({ channel }) => channel.pattern.split('/')[2] ?? '')

/** Why a client may not publish a message; undefined if it may. */
export function refusePublish(
  root: string,
  { id, roles, devices }: Caller,
  sent: Publication,
): string | undefined {
  const quoted = () => clip(sent.topic)
  if (sent.qos > 1) return `QoS 2 is not served: publish on ${quoted()} with QoS 0 or 1`
  if (sent.topic.startsWith('$')) return `${quoted()}: topics that begin with $ belong to the hub`
  if (isDevices(root, sent.topic) && isBeneath(sent.topic, devices?.own)) return undefined
  const found = ruleOn(sent.topic)
  if (found === undefined) return `${quoted()} is not a topic for clients to publish on`
  const { rule, address } = found
  if (rule.role === 'hub') return `${quoted()} is for the hub alone`
  if (address['root'] !== root) return `${quoted()}: the address root here is ${root}`
  const clears = sent.retain && rule.channel.retain && sent.payload?.length === 0
  // An administrator who removes an agent publishes in its place.
  if ((clears || (rule.channel === event && !sent.retain)) && roles.has('admin')) return undefined
  if (rule.own !== undefined && address[rule.own] !== id) {
    return `${quoted()}: the ${rule.own === 'client' ? 'caller' : 'instance-id'} in the topic is not its own client id`
  }
  if (rule.channel === drains && !drainsFor(id, address['of'] ?? '')) {
    return `${quoted()}: a spool is drained under the id ${drainInstance(address['of'] ?? '', 'xxxxxxxx')}`
  }
  const role = roleFor(rule.channel, rule.role, address)
  if (!roles.has(role)) return `${quoted()} needs the role ${role}`
  if (sent.retain && !rule.channel.retain)
    return `${quoted()} is never retained: publish it without the retain flag`
  return undefined
}

/** Whether a client may receive messages on a topic, whatever its subscriptions. */
export function mayReceive({ id, roles, devices }: Caller, text: string): boolean {
  if (roles.has('admin')) return true
  if (devices && isBeneath(text, devices.all)) return roles.has('observer') || isBeneath(text, devices.own)
  const found = ruleOn(text)
  if (found === undefined) return false
  const { rule, address } = found
  if (rule.to === 'client') return address['client'] === id
  if (rule.to === 'instance') return address['instance'] === id && roles.has('agent')
  return rule.to !== 'admins' && roles.has('observer')
}

/** Why a client may not subscribe to a filter; undefined if it may. */
export function refuseSubscribe(
  root: string,
  { id, roles, devices }: Caller,
  filter: string,
): string | undefined {
  const quoted = clip(filter)
  const levels = filter.split('/')
  if (filter.startsWith('$')) return `${quoted}: topics that begin with $ are not available`
  if (levels.length > limits.topic_levels) return `${quoted} has more than ${limits.topic_levels} levels`
  if (![root, '+', '#'].includes(levels[0] ?? '')) {
    // A wildcard is granted, but the client only receives what it may.
    const seen = (roles.has('observer') ? devices?.all : devices?.own) ?? []
    if (seen.some((prefix) => prefix.split('/')[0] === levels[0])) return undefined
    return `${quoted}: topics here begin with ${root}/, or are granted by device_topics in the site file`
  }
  if (addressOf(login, filter)?.client === id) return undefined
  if (!roles.has('observer') && (roles.size === 0 || levels[1] !== id))
    return `${quoted} needs the role observer`
  for (const channel of [reply, replayed]) {
    const client = addressOf(channel, filter.replace(/\/#$/, '/+'))?.client
    // A wildcard is granted, but the client only receives what it may; it cannot name another client's
    // answers.
    if (client !== undefined && client !== '+' && client !== '#' && client !== id) {
      return `${quoted}: answers to ${clip(client)} are for that client`
    }
  }
  return undefined
}

/** Whether a topic lies outside the lab's root, so that it may be granted to a device. */
export function isDevices(root: string, text: string): boolean {
  return !text.startsWith(`${root}/`) && text !== root && !/[+#]/.test(text)
}

function isBeneath(text: string, prefixes: readonly string[] = []): boolean {
  return prefixes.some((prefix) => text === prefix || text.startsWith(`${prefix}/`))
}

/**
 * Locking is sent as a query, but needs an operator's role; reading the state of an operation is a request,
 * but only needs an observer's.
 */
function roleFor(channel: Channel, role: Role, address: Record<string, string>): Role {
  if (channel === query && locks.has(address['query'] ?? '')) return 'operator'
  if (channel === request && looks.has(address['action'] ?? '')) return 'observer'
  return role
}

interface Found {
  readonly rule: Rule
  readonly address: Readonly<Record<string, string>>
}
/** Topics already looked up: the rows of a feed, which are most of the traffic, all have one topic. */
const looked = new Map<string, Found>()
const MOST_LOOKED = 10_000

function ruleOn(text: string): Found | undefined {
  const known = looked.get(text)
  if (known !== undefined) return known
  const found = lookUp(text)
  if (found === undefined) return undefined
  if (looked.size >= MOST_LOOKED) looked.clear()
  looked.set(text, found)
  return found
}

function lookUp(text: string): Found | undefined {
  for (const rule of ruleOf.get(text.split('/')[2] ?? '') ?? []) {
    const address: Record<string, string> | undefined = addressOf(rule.channel, text)
    if (address === undefined) continue
    try {
      topic(rule.channel, address)
      return { rule, address }
    } catch {
      return undefined // a level that is not a name: too long, empty, odd characters
    }
  }
  return undefined
}

/** Foreign text for a log line: quoted, control characters escaped, at most 200 characters. */
export function clip(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text)
}
