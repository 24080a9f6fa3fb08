import type { builtIn } from '../core/built-in.ts'
import { channels } from '../core/channels.ts'
import { drainInstance, drainsFor } from '../core/names.ts'
import { addressOf, type Channel, topic } from '../core/topic.ts'
import { limits } from './limits.ts'

/** What a client may do; roles add up. */
export type Role = 'agent' | 'recorder' | 'observer' | 'operator'
/** Who asks: the client id and the roles it was given at its log-in. */
export interface Caller {
  readonly id: string
  readonly roles: ReadonlySet<Role>
}
/** A message as its sender addressed it. */
export interface Publication {
  readonly topic: string
  readonly qos: number
  readonly retain: boolean
}

/**
 * The roles of a client where there are no users: everyone on this machine may look and operate, and be an agent under
 * its own id; recordings are acknowledged by the site's recorders alone, by anyone when the site is unknown.
 */
export function localRoles(id: string, recorders?: readonly string[]): ReadonlySet<Role> {
  const roles: Role[] = ['agent', 'observer', 'operator']
  if (recorders === undefined || recorders.includes(id)) roles.push('recorder')
  return new Set(roles)
}

/** Who publishes on a channel: the role it takes, and the name in the topic that has to be the client's own id. */
interface Rule {
  readonly channel: Channel
  readonly role: Role
  readonly own?: 'instance' | 'client'
}
const { presence, api, session, reply, feed, message, last, replayed, drains, event } = channels
const { request, query, replay, ack } = channels
const rules: readonly Rule[] = [
  ...[presence, api, session, reply, feed, message, last, replayed, drains, event].map(
    (channel) => ({ channel, role: 'agent', own: 'instance' }) as const,
  ),
  { channel: request, role: 'operator', own: 'client' },
  { channel: query, role: 'observer', own: 'client' },
  { channel: replay, role: 'observer', own: 'client' },
  { channel: ack, role: 'recorder' },
]
const locks: ReadonlySet<string> = new Set(['lock', 'unlock'] satisfies (keyof typeof builtIn)[])
/** By the word that follows the instance-id, so that a message meets one or two patterns and not all. */
const ruleOf = Map.groupBy(rules, ({ channel }) => channel.pattern.split('/')[2] ?? '')

/** Why a client may not publish this; undefined when it may. */
export function refusePublish(root: string, { id, roles }: Caller, sent: Publication): string | undefined {
  const quoted = clip(sent.topic)
  if (sent.qos > 1) return `QoS 2 is not served: publish on ${quoted} with QoS 0 or 1`
  if (sent.topic.startsWith('$')) return `${quoted}: topics that begin with $ belong to the hub`
  const found = ruleOn(sent.topic)
  if (found === undefined) return `${quoted} is no topic that a client publishes on`
  const { rule, address } = found
  if (address['root'] !== root) return `${quoted}: the address root here is ${root}`
  if (rule.own !== undefined && address[rule.own] !== id) {
    return `${quoted}: the ${rule.own === 'client' ? 'caller' : 'instance-id'} in the topic is not its own client id`
  }
  if (rule.channel === drains && !drainsFor(id, address['of'] ?? '')) {
    return `${quoted}: a spool is drained under the id ${drainInstance(address['of'] ?? '', 'xxxxxxxx')}`
  }
  // Locks are asked for like a question, but decide who operates.
  const role = rule.channel === query && locks.has(address['query'] ?? '') ? 'operator' : rule.role
  if (!roles.has(role)) return `${quoted} takes the role ${role}`
  if (sent.retain && !rule.channel.retain)
    return `${quoted} is never retained: publish it without the retain flag`
  return undefined
}

/** Why a client may not subscribe to this filter; undefined when it may. */
export function refuseSubscribe(root: string, { id, roles }: Caller, filter: string): string | undefined {
  const quoted = clip(filter)
  const levels = filter.split('/')
  if (filter.startsWith('$')) return `${quoted}: topics that begin with $ are not given out`
  if (levels.length > limits.topic_levels) return `${quoted} has more than ${limits.topic_levels} levels`
  if (![root, '+', '#'].includes(levels[0] ?? '')) return `${quoted}: everything here is beneath ${root}/`
  if (!roles.has('observer') && levels[1] !== id) return `${quoted} takes the role observer`
  for (const channel of [reply, replayed]) {
    const client = addressOf(channel, filter.replace(/\/#$/, '/+'))?.client
    // A wildcard is granted: whoever may watch everything sees the answers pass by; one caller's post is not asked for by name.
    if (client !== undefined && client !== '+' && client !== '#' && client !== id) {
      return `${quoted}: answers to ${clip(client)} are for that client`
    }
  }
  return undefined
}

/** Whether a topic fits a filter (MQTT 3.1.1 §4.7); a wildcard at the start takes no topic that begins with `$`. */
export function matches(filter: string, text: string): boolean {
  if (text.startsWith('$') && !filter.startsWith('$')) return false
  const levels = text.split('/')
  const wanted = filter.split('/')
  for (const [at, want] of wanted.entries()) {
    if (want === '#') return true
    if (at >= levels.length || (want !== '+' && want !== levels[at])) return false
  }
  return wanted.length === levels.length
}

function ruleOn(text: string): { rule: Rule; address: Record<string, string> } | undefined {
  for (const rule of ruleOf.get(text.split('/')[2] ?? '') ?? []) {
    const address: Record<string, string> | undefined = addressOf(rule.channel, text)
    if (address === undefined) continue
    try {
      topic(rule.channel, address)
      return { rule, address }
    } catch {
      return undefined // a level that is no name: too long, empty, odd characters
    }
  }
  return undefined
}

/** Foreign text for a log line: quoted, control characters escaped, 200 characters at most. */
export function clip(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text)
}
