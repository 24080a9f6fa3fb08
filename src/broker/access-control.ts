import { createHash, randomUUID, timingSafeEqual } from 'node:crypto'
import type { Aedes, AedesOptions, AuthenticateError, Client, ConnectPacket } from 'aedes'
import { channels, Presence } from '../core/channels.ts'
import { CLIENT, HUB, isDrain } from '../core/names.ts'
import { addressOf } from '../core/topic.ts'
import { type Guest, Leases } from './client-id-lease.ts'
import { limits } from './limits.ts'
import type { Retained } from './retained.ts'
import { type Caller, clip, localRoles, refusePublish, refuseSubscribe } from './rules.ts'

/** CONNACK return codes (MQTT 3.1.1 §3.2.2.3). */
const IDENTIFIER_REJECTED = 2
const NOT_AUTHORISED = 5

/** Already logged where it arose. */
export class Refusal extends Error {
  returnCode: number = NOT_AUTHORISED
}

/** What the gate goes by. */
export interface GateOptions {
  readonly root: string
  readonly recorders: readonly string[] | undefined
  readonly retained: Retained
  /** What a drain has to show; there is none while it answers undefined. */
  readonly drainToken: (() => string | undefined) | undefined
  log(text: string): void
  /** Seconds; `limits.ping_timeout` by default. */
  readonly pingTimeout?: number | undefined
  /** Where a client's connection comes from. */
  from(client: Client): string
}
type Hooks = Required<
  Pick<AedesOptions, 'preConnect' | 'authenticate' | 'authorizePublish' | 'authorizeSubscribe'>
>
interface Entry {
  readonly caller: Caller
  readonly connect: ConnectPacket
  readonly filters: Set<string>
  /** Refused subscriptions so far; the first few are logged. */
  refused: number
}

/**
 * Who gets in, and what each may publish and subscribe to. The hooks answer at once, without a turn of the event loop,
 * but for one: a log-in under a live id waits for the holder's answer.
 */
export function openGate({ root, recorders, retained, drainToken, log, from, pingTimeout }: GateOptions): {
  hooks: Hooks
  attach(broker: Aedes): Leases
} {
  const entries = new WeakMap<Client, Entry>()
  let leases: Leases | undefined
  const refuse = (client: Client, what: string, reason: string, returnCode = NOT_AUTHORISED): Refusal => {
    log(`client ${clip(client.id)} ${what}: ${reason}`)
    return Object.assign(new Refusal(reason), { returnCode })
  }

  /** Why a CONNECT is refused for what stands in it; undefined when it is fine. */
  function refuseConnect(
    { caller, connect }: Entry,
    password: Buffer | undefined,
  ): readonly [reason: string, returnCode: number] | undefined {
    const { id } = caller
    if (id === '') return ['a client without an id takes a clean session', IDENTIFIER_REJECTED]
    if (!CLIENT.test(id)) {
      return [
        'a client id is letters, digits, _, . and -, at most 128, a letter or digit first',
        IDENTIFIER_REJECTED,
      ]
    }
    if (id === HUB) return [`the id "${HUB}" is the hub's own`, IDENTIFIER_REJECTED]
    if (isDrain(id) && !shows(password, drainToken?.())) {
      return [
        'a spool is drained by the account of the hub: the file hub/drain.token of both state folders has to be the same, for its owner alone (0600)',
        NOT_AUTHORISED,
      ]
    }
    const { will } = connect
    const wrong = will && refusePublish(root, caller, { qos: 0, retain: false, ...will })
    return wrong === undefined ? undefined : [`its last will: ${wrong}`, NOT_AUTHORISED]
  }

  const hooks: Hooks = {
    preConnect(client, connect, done) {
      if (connect.clientId === '' && connect.clean === true)
        connect.clientId = `client-${randomUUID().slice(0, 8)}`
      // No session outlives its connection: what must not be lost waits in its agent's spool, not here.
      connect.clean = true
      const id = connect.clientId
      entries.set(client, {
        caller: { id, roles: localRoles(id, recorders) },
        connect,
        filters: new Set(),
        refused: 0,
      })
      done(null, true)
    },

    authenticate(client, _user, password, done) {
      const entry = entries.get(client)
      const no = (reason: string, returnCode: number) =>
        done(refuse(client, 'refused', reason, returnCode) as AuthenticateError, null)
      const wrong =
        entry === undefined ? (['no CONNECT', NOT_AUTHORISED] as const) : refuseConnect(entry, password)
      if (wrong !== undefined) return no(...wrong)
      const agent = agentOf(entry?.connect.will)
      const guest: Guest = {
        id: client.id,
        client,
        from: from(client),
        since: Date.now() / 1000,
        ...(password?.length && { nonce: createHash('sha256').update(password).digest() }),
        ...(agent && { agent }),
      }
      leases
        ?.claim(guest)
        .then((held) => (held === undefined ? done(null, true) : no(held, IDENTIFIER_REJECTED)))
        .catch((error: unknown) => no(String(error), NOT_AUTHORISED))
    },

    authorizePublish(client, packet, done) {
      const caller = client && entries.get(client)?.caller
      if (!client || !caller) return done(new Refusal('nobody published it'))
      const reason =
        refusePublish(root, caller, packet) ?? (packet.retain ? retained.refuse(packet) : undefined)
      done(reason === undefined ? null : refuse(client, 'cut: it may not publish', reason))
    },

    authorizeSubscribe(client, subscription, done) {
      const entry = entries.get(client)
      if (entry === undefined) return done(null, null)
      const { caller, filters } = entry
      const full = filters.size >= limits.subscriptions && !filters.has(subscription.topic)
      const reason = full
        ? `it already has ${filters.size} subscriptions`
        : refuseSubscribe(root, caller, subscription.topic)
      if (reason === undefined) filters.add(subscription.topic)
      else if (entry.refused++ < 10) refuse(client, 'may not subscribe', reason)
      done(null, reason === undefined ? subscription : null)
    },
  }

  return {
    hooks,
    attach(broker) {
      broker.on('unsubscribe', (filters, client) => {
        for (const filter of filters) entries.get(client)?.filters.delete(filter)
      })
      leases = new Leases(broker, root, log, pingTimeout)
      return leases
    },
  }
}

/** Whether a password, `TOKEN.TOKEN.NONCE`, has a token. */
function shows(password: Buffer | undefined, token: string | undefined): boolean {
  if (!password || token === undefined) return false
  const digest = (text: string) => createHash('sha256').update(text).digest()
  const wanted = digest(token)
  return password
    .toString()
    .split('.')
    .some((part) => timingSafeEqual(digest(part), wanted))
}

/** What an agent's last will, its `lost` presence, says of it; undefined for other clients. */
function agentOf(will: ConnectPacket['will']): Guest['agent'] {
  if (!will || addressOf(channels.presence, will.topic) === undefined) return undefined
  try {
    const { session, host, pid, agent_class } = Presence.parse(JSON.parse(String(will.payload)))
    return { session, host, pid, agentClass: agent_class }
  } catch {
    return undefined
  }
}
