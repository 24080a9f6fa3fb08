import { randomUUID } from 'node:crypto'
import type { Aedes, AedesOptions, AuthenticateError, Client, ConnectPacket } from 'aedes'
import { type AuditEntry, channels } from '../core/channels.ts'
import { CONNACK } from '../core/errors.ts'
import { CLIENT, HUB, LOGIN } from '../core/names.ts'
import { addressOf, topic } from '../core/topic.ts'
import { type Identify, partsOf, type Shown } from '../principals/identify.ts'
import type { LoggedIn, LogIn } from '../principals/log-in.ts'
import { ANYONE, described, NOBODY, type Principal } from '../principals/principal.ts'
import { digestOf } from '../principals/token.ts'
import { mayVouch, readVouched } from '../principals/vouched.ts'
import type { Who } from '../principals/web-login.ts'
import { type Actor, Audit } from './audit.ts'
import { askedBy, stamped } from './caller-stamp.ts'
import { agentOf, type Guest, Leases } from './client-id-lease.ts'
import type { Admitted } from './connections.ts'
import { hubAnswer } from './hub-answers.ts'
import { withTime } from './last-will.ts'
import { limits } from './limits.ts'
import { LogInClients } from './log-in-clients.ts'
import { NameStamps } from './name-stamp.ts'
import { isKnown, refusedAnswer, refusedNotice } from './refused-answer.ts'
import type { Retained } from './retained.ts'
import { noRoom } from './room-for.ts'
import {
  type Caller,
  clip,
  type DeviceTopics,
  isDevices,
  mayReceive,
  refusePublish,
  refuseSubscribe,
  rolesOf,
} from './rules.ts'

/** The most refusals logged per connection. */
const MOST_LOGGED = 10
/** The topic for messages that nobody must receive: no granted filter matches it. */
const NOWHERE = '$nowhere'

/** A client that has not logged in yet. */
const NEWCOMER: Principal = { name: '', role: 'newcomer', level: 0 }

/** An error that has already been logged. */
export class Refusal extends Error {
  returnCode: number = CONNACK.notAuthorised
}

/** Options of the gate. */
export interface GateOptions {
  readonly root: string
  readonly recorders: readonly string[] | undefined
  /** Called each time: the site file may change. */
  readonly deviceTopics?: (() => ReadonlyMap<string, readonly string[]>) | undefined
  readonly retained: Retained
  readonly identify: Identify
  /** Makes tokens for passwords; without it nobody can log in. */
  readonly logIn: LogIn | undefined
  log(text: string): void
  /** Stores an entry of the audit log. */
  readonly keep: ((entry: AuditEntry) => void) | undefined
  /** Earlier entries, the newest last. */
  readonly kept?: readonly AuditEntry[] | undefined
  /** Seconds; `limits.ping_timeout` by default. */
  readonly pingTimeout?: number | undefined
  /** Where a client's connection comes from. */
  from(client: Client): string
  /** The identity of a client that this process itself connects; undefined for all others. */
  vouched(client: Client): Who | undefined
}
type Hooks = Required<
  Pick<
    AedesOptions,
    'preConnect' | 'authenticate' | 'authorizePublish' | 'authorizeSubscribe' | 'authorizeForward'
  >
>
/**
 * Whether a message is a presence: the only last will still published for a client that is no longer
 * admitted, to say that it is gone.
 */
const isPresence = (sent: { readonly topic: string }) =>
  addressOf(channels.presence, sent.topic) !== undefined
interface Entry {
  /** Has no rights until the client has logged in. */
  caller: Caller
  principal: Principal
  shown: Shown | undefined
  /** The log-in that its password made. */
  made?: LoggedIn
  readonly connect: ConnectPacket
  readonly filters: Set<string>
  /** Number of refused subscriptions and messages; the first few are logged. */
  refused: number
}

/**
 * Decides who is admitted, and what each client may publish and subscribe to. The hooks answer at once, in
 * the same turn of the event loop, with one exception: a log-in under an id in use waits for the holder's
 * answer.
 */
export function openGate({
  root,
  recorders,
  deviceTopics,
  retained,
  identify,
  logIn,
  log,
  keep,
  kept,
  from,
  vouched,
  pingTimeout,
}: GateOptions): {
  hooks: Hooks
  audit: Audit
  attach(broker: Aedes): Leases
  /** The identity of an admitted client. */
  admitted(client: Client): Admitted
  /** Disconnects clients that would now be admitted differently or not at all. */
  recheck(): void
} {
  const entries = new WeakMap<Client, Entry>()
  const newcomers = new LogInClients()
  const names = new NameStamps()
  let broker: Aedes | undefined
  const audit = new Audit((entry) => {
    keep?.(entry)
    const { qos, retain } = channels.audit
    const to = topic(channels.audit, { root })
    const payload = JSON.stringify(entry)
    broker?.publish({ cmd: 'publish', topic: to, payload, qos, retain, dup: false }, () => {})
  }, kept)
  const actor = (client: Client): Actor => ({
    principal: entries.get(client)?.principal ?? NEWCOMER,
    client: client.id,
    from: from(client),
  })
  let leases: Leases | undefined
  const whoIs = (client: Client, shown: Shown) => vouched(client)?.() ?? identify(shown)
  /** Why a client would now be admitted differently or not at all; undefined if nothing has changed. */
  const changed = (client: Client): string | undefined => {
    const { shown, principal } = entries.get(client) ?? {}
    if (!shown || !principal) return undefined
    const now = whoIs(client, shown)
    if ('refused' in now) return now.refused
    const same = now.role === principal.role && now.level === principal.level
    return same ? undefined : `it is ${described(now)} now`
  }
  const refuse = (
    client: Client,
    what: string,
    reason: string,
    returnCode: number = CONNACK.notAuthorised,
  ): Refusal => {
    if (audit.refused(actor(client), reason)) log(`client ${clip(client.id)} ${what}: ${reason}`)
    return Object.assign(new Refusal(reason), { returnCode })
  }

  /** Why a CONNECT is refused for its contents; undefined if it is valid. */
  function refuseConnect({
    caller,
    connect,
    principal,
  }: Entry): readonly [reason: string, returnCode: number] | undefined {
    const { id } = caller
    if (id === '') return ['a client without an id needs a clean session', CONNACK.idTaken]
    if (!CLIENT.test(id)) {
      return [
        'a client id is letters, digits, _, . and -, at most 128, a letter or digit first',
        CONNACK.idTaken,
      ]
    }
    if (id === HUB) return [`the id "${HUB}" is reserved for the hub`, CONNACK.idTaken]
    const { will } = connect
    const wrong = will && refusePublish(root, caller, { qos: 0, retain: false, ...will })
    if (wrong === undefined) return undefined
    return [`its last will: ${wrong}; it is ${described(principal)}`, CONNACK.notAuthorised]
  }

  const hooks: Hooks = {
    preConnect(client, connect, done) {
      if (connect.clientId === '' && connect.clean === true)
        connect.clientId = `client-${randomUUID().slice(0, 8)}`
      // No session outlives its connection: messages that must not be lost wait in the agent's spool, not
      // here.
      connect.clean = true
      const id = connect.clientId
      entries.set(client, {
        caller: { id, roles: new Set() },
        principal: NEWCOMER,
        shown: undefined,
        connect,
        filters: new Set(),
        refused: 0,
      })
      done(null, true)
    },

    authenticate(client, user, password, done) {
      const no = (reason: string, returnCode: number) =>
        done(refuse(client, 'refused', reason, returnCode) as AuthenticateError, null)
      const entry = entries.get(client)
      if (entry === undefined) return no('no CONNECT', CONNACK.notAuthorised)
      const { id } = entry.caller
      if (logIn !== undefined && LOGIN.test(id)) {
        const text = password?.toString() ?? ''
        const by = readVouched(text)
        const bridge =
          by && identify({ id, user: undefined, tokens: partsOf(by.shown).tokens, from: from(client) })
        if (bridge && ('refused' in bridge || !mayVouch(bridge)))
          return no('it is not a bridge, so it cannot log in for others', CONNACK.notAuthorised)
        const where = by ? `${by.address}, on a page of ${from(client)}` : from(client)
        void logIn(user ?? '', by?.password ?? text, by?.address ?? from(client), by && 'bridge').then(
          (made) => {
            if ('refused' in made)
              return no(`log-in of ${clip(user ?? '')} from ${where}: ${made.refused}`, made.code)
            log(`${made.principal} has logged in from ${where}`)
            entry.made = made
            entry.principal = { ...NEWCOMER, name: made.principal }
            audit.came('login', actor(client), `a token for the password, from ${where}`)
            newcomers.came(client, made.principal)
            done(null, true)
          },
        )
        return
      }
      const { tokens, own } = partsOf(password?.toString() ?? '')
      entry.shown = { id, user, tokens, from: from(client) }
      const who = whoIs(client, entry.shown)
      if ('refused' in who) return no(who.refused, who.code)
      entry.principal = who
      entry.caller = { id, roles: rolesOf(who, id, recorders), devices: devicesOf(who, deviceTopics) }
      const wrong = refuseConnect(entry)
      if (wrong !== undefined) return no(...wrong)
      const full = noRoom(leases?.all() ?? [], { id, from: from(client) }, who)
      if (full !== undefined) return no(full, CONNACK.noRoom)
      const agent = agentOf(entry.connect.will)
      const guest: Guest = {
        id: client.id,
        principal: who.name,
        entitled: entry.caller.roles.has('agent'),
        client,
        from: from(client),
        since: Date.now() / 1000,
        ...(own !== '' && { nonce: digestOf(own) }),
        ...(agent && { agent }),
      }
      leases
        ?.claim(guest)
        .then((held) => {
          if (held !== undefined) return no(held, CONNACK.idTaken)
          audit.came('login', actor(client))
          done(null, true)
        })
        .catch((error: unknown) => no(String(error), CONNACK.notAuthorised))
    },

    authorizePublish(client, packet, done) {
      const entry = client && entries.get(client)
      if (!client || !entry) return done(new Refusal('no client published it'))
      const { caller, principal } = entry
      const reason =
        refusePublish(root, caller, packet) ??
        (packet.retain ? retained.refuse(packet) : undefined) ??
        (client.closed && !isPresence(packet) ? changed(client) : undefined)
      if (reason === undefined && isDevices(root, packet.topic)) return done(null)
      if (reason === undefined) {
        const asked = askedBy(packet)
        const own = asked && hubAnswer(root, asked, caller, principal, audit.latest)
        if (own) return client.publish(own, () => done(null))
        if (asked) audit.asked(asked, actor(client))
        if (asked !== undefined)
          packet.payload = stamped(asked, principal === ANYONE ? undefined : principal, from(client))
        packet.payload = client.closed ? withTime(root, packet) : names.stamped(client, packet)
        return done(null)
      }
      const what = `${reason}; it is ${described(principal)}`
      // This is its last will: nobody is left to be informed.
      if (client.closed) return done(refuse(client, 'has a last will that may not be published', what))
      const answer = caller.roles.has('operator') ? undefined : refusedAnswer(packet, caller, principal)
      const told = answer ?? refusedNotice(root, client.id, packet, what)
      // The client gets the reason before it is disconnected or gets the acknowledgement: MQTT 3.1.1 has no
      // message for it.
      client.publish(told, () => {
        if (!isKnown(principal) || packet.qos > 1)
          return done(refuse(client, 'cut: it may not publish', what))
        if (entry.refused++ < MOST_LOGGED)
          refuse(client, 'tried to publish what it may not; the message is dropped', what)
        // A known client keeps its connection; disconnected, it would send the same message again and again.
        Object.assign(packet, { topic: NOWHERE, payload: '', retain: false })
        done(null)
      })
    },

    authorizeForward(client, packet) {
      const caller = entries.get(client)?.caller
      return caller !== undefined && mayReceive(caller, packet.topic) ? packet : (null as never)
    },

    authorizeSubscribe(client, subscription, done) {
      const entry = entries.get(client)
      if (entry === undefined) return done(null, null)
      const { caller, filters } = entry
      const full = filters.size >= limits.subscriptions && !filters.has(subscription.topic)
      const reason = full
        ? `it already has ${filters.size} subscriptions`
        : refuseSubscribe(root, caller, subscription.topic)
      if (reason === undefined) {
        filters.add(subscription.topic)
        return done(null, subscription)
      }
      if (entry.refused++ < MOST_LOGGED) refuse(client, 'may not subscribe', reason)
      // SUBACK carries no text, so the reason is sent before it.
      client.publish(refusedNotice(root, client.id, subscription, reason), () => done(null, null))
    },
  }

  return {
    hooks,
    audit,
    recheck() {
      for (const { client } of leases?.all() ?? []) {
        const why = changed(client)
        if (why === undefined) continue
        log(`client ${clip(client.id)} cut off; it was ${described(actor(client).principal)}: ${why}`)
        audit.came('revoked', actor(client), why)
        client.close()
      }
    },
    admitted(client) {
      const { name, role } = entries.get(client)?.principal ?? NEWCOMER
      return { principal: name, isFree: role === 'owner', isStranger: name === NOBODY.name }
    },
    attach(attached) {
      broker = attached
      broker.on('subscribe', (_, client) => {
        const { made } = entries.get(client) ?? {}
        if (made === undefined) return
        const { qos, retain } = channels.login
        const to = topic(channels.login, { root, client: client.id })
        client.publish(
          { cmd: 'publish', topic: to, payload: JSON.stringify(made), qos, retain, dup: false },
          () => {},
        )
      })
      broker.on('ack', (_, client) => newcomers.done(client))
      broker.on('clientDisconnect', (client) => newcomers.left(client))
      broker.on('unsubscribe', (filters, client) => {
        for (const filter of filters) entries.get(client)?.filters.delete(filter)
      })
      leases = new Leases(broker, root, log, pingTimeout, (guest, holder) =>
        audit.came('takeover', actor(guest.client), `from ${holder.principal}, ${holder.from}`),
      )
      return leases
    },
  }
}

/** The topics granted to a client now, looked up when needed; on an open hub everybody has all of them. */
function devicesOf(who: Principal, granted: GateOptions['deviceTopics']): DeviceTopics | undefined {
  return (
    granted && {
      get own() {
        return who === ANYONE ? allOf(granted()) : (granted().get(who.name) ?? [])
      },
      get all() {
        return allOf(granted())
      },
    }
  )
}

/**
 * The list of all granted topics, needed for each message delivered: computed once per reading of the site
 * file.
 */
const together = new WeakMap<ReadonlyMap<string, readonly string[]>, readonly string[]>()
function allOf(granted: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const known = together.get(granted)
  if (known) return known
  const all = [...granted.values()].flat()
  together.set(granted, all)
  return all
}
