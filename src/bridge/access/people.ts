import { createHmac, randomBytes } from 'node:crypto'
import { HTTPException } from 'hono/http-exception'
import { reached } from '../../bus/mqtt.ts'
import { messageOf, TransportError } from '../../core/errors.ts'
import type { NotFetched } from '../../lab/fetch-token.ts'
import { type Caller, caller } from '../../lab/request-client.ts'
import { holderOf } from '../../principals/token.ts'
import { readAuthorization } from '../../principals/web-login.ts'
import { Busy } from './busy.ts'
import type { HubPeople } from './hub-people.ts'

/**
 * Milliseconds until a new sign-in is needed; until the hub is asked again about a password in a header; and
 * for which the connection of a token is kept without requests.
 */
const [SESSION_MS, PASSWORD_MS, QUIET_MS] = [12 * 3_600_000, 600_000, 600_000]
/** Seconds that a hub has to accept a token. */
const JOIN_S = 10
/**
 * Maximum number of known sessions and tokens: beyond it, the person with the most loses the least recently
 * used one.
 */
const MOST = 200

/** A person known to the hub, with a connection of their own. */
export interface Person {
  readonly name: string
  /**
   * Their rights, as the hub reported them at the sign-in: `operator:2`; undefined for a token, which does
   * not tell them.
   */
  readonly role: string | undefined
  /** Asks agents as this person. */
  readonly ask: Caller
  /** Whether they are still known, for activities without further requests; calling this counts as one. */
  here(): boolean
}
/** Signs people in, and recognizes them again. */
export interface People extends AsyncDisposable {
  /**
   * Signs a person in.
   * @returns the content of the cookie
   * @throws HTTPException 401 for a wrong name or password, 429 if they have to wait, 503 without a hub that
   * has people
   */
  enter(name: string, password: string, address: string): Promise<string>
  /** The person of a session; undefined if there is none, or once the hub has revoked it. */
  who(session: string | undefined): Person | undefined
  /** The person of an `Authorization` header, Basic or Bearer. @throws HTTPException 401, 429, 503 */
  shown(header: string, address: string): Promise<Person>
  leave(session: string | undefined): void
}

interface Member extends Person, AsyncDisposable {
  /** Monotonic ms. */
  until: number
  used: number
  /** How long it is kept without requests; for a session, its whole lifetime. */
  readonly quiet: number
}

const WHY: Readonly<Record<NotFetched, readonly [401 | 429 | 503, string]>> = {
  wrong: [401, 'no such name and password; the hub adds people: ocs hub passwd NAME --role operator:1'],
  wait: [429, 'too many wrong passwords, or too many people signing in: try again in a minute'],
  stranger: [503, 'the hub does not know this bridge: run ocs hub token bridge --role bridge there'],
}

/**
 * @param hub undefined if there is none that has people
 * @param now the monotonic clock, ms
 */
export function people(
  { hub, root, log }: { readonly hub: HubPeople | undefined; readonly root: string; log(text: string): void },
  now = () => performance.now(),
): People {
  /** By the digest of their credentials. */
  const members = new Map<string, Member>()
  const coming = new Map<string, Promise<Member>>()
  const busy = new Busy()
  const salt = randomBytes(32)
  // Credentials are not stored, and the lookup does not reveal by its timing how close a guess is.
  const keyOf = (text: string) => createHmac('sha256', salt).update(text).digest('base64')

  const drop = (key: string) => {
    const member = members.get(key)
    members.delete(key)
    void member?.[Symbol.asyncDispose]()
  }
  /** Nobody can displace others by having many sessions or tokens. */
  const makeRoom = () => {
    const byName = Map.groupBy(members, ([, { name }]) => name)
    const [most = []] = [...byName.values()].sort((a, b) => b.length - a.length)
    drop(most[0]?.[0] ?? '')
  }
  const known = (key: string): Member | undefined => {
    for (const [one, { until, used, quiet }] of members) if (now() > Math.min(until, used + quiet)) drop(one)
    const member = members.get(key)
    if (!member) return undefined
    member.used = now()
    // The first in the map is the least recently used.
    members.delete(key)
    members.set(key, member)
    return member
  }
  const join = async (
    key: string,
    { name, role, token }: { name: string; role: string | undefined; token: string },
    [lasts, quiet]: readonly [number, number],
  ): Promise<Member> => {
    if (!hub) throw nobody()
    let gone: () => void = () => drop(key)
    const refused = new Promise<'refused'>((resolve) => {
      gone = () => {
        resolve('refused')
        drop(key)
      }
    })
    const bus = hub.connect(name, token, () => gone())
    const joined = reached(bus, 'the hub', JOIN_S).then(
      () => 'connected' as const,
      () => 'late' as const,
    )
    const how = await Promise.race([refused, joined])
    if (how !== 'connected') {
      await bus[Symbol.asyncDispose]()
      if (how === 'refused') throw new HTTPException(401, { message: 'the hub does not know this token' })
      throw new HTTPException(503, { message: 'the hub cannot be reached' })
    }
    const ask = await caller(bus, root, { by: 'live page' })
    const member: Member = {
      ...{ name, role, ask, quiet, until: now() + lasts, used: now() },
      here: () => members.get(key) === member && known(key) === member,
      async [Symbol.asyncDispose]() {
        await ask[Symbol.asyncDispose]()
        await bus[Symbol.asyncDispose]()
      },
    }
    drop(key)
    members.set(key, member)
    if (members.size > MOST) makeRoom()
    return member
  }
  const signIn = async (key: string, name: string, password: string, address: string, lasts: Lasts) => {
    if (!hub) throw nobody()
    const fetched = await hub.logIn(name, password, address).catch((error: unknown) => {
      if (!(error instanceof TransportError)) throw error
      throw new HTTPException(503, { message: messageOf(error) })
    })
    if (typeof fetched === 'string') {
      const [status, message] = WHY[fetched]
      log(`warning: sign-in refused for ${JSON.stringify(name.slice(0, 63))} from ${address}: ${fetched}`)
      throw new HTTPException(status, { message })
    }
    const { principal, role, token } = fetched
    return join(key, { name: principal, role, token }, lasts)
  }

  return {
    enter: (name, password, address) =>
      busy.run(address, async () => {
        const session = randomBytes(32).toString('base64url')
        const { role } = await signIn(keyOf(session), name, password, address, [SESSION_MS, SESSION_MS])
        log(`${name} (${role}) signed in from ${address}`)
        return session
      }),
    who: (session) => (session === undefined ? undefined : known(keyOf(session))),
    async shown(header, address) {
      const { name, secret } = readHeader(header)
      const holder = holderOf(secret)
      if (holder !== undefined && name !== undefined && name !== holder)
        throw new HTTPException(401, { message: `this is a token of ${holder}, not of ${name.slice(0, 63)}` })
      // A header can be written in many ways, each of which would open a connection.
      const key = keyOf(JSON.stringify([holder ?? name, secret]))
      const before = known(key)
      if (before) return before
      // A dashboard queries all its panels at once.
      const under = coming.get(key)
      if (under) return under
      const made = busy.run(address, () =>
        holder === undefined
          ? signIn(key, name ?? '', secret, address, [PASSWORD_MS, PASSWORD_MS])
          : join(key, { name: holder, role: undefined, token: secret }, [SESSION_MS, QUIET_MS]),
      )
      coming.set(key, made)
      return made.finally(() => coming.delete(key))
    },
    leave(session) {
      const member = session === undefined ? undefined : known(keyOf(session))
      if (session !== undefined) drop(keyOf(session))
      if (member) log(`${member.name} signed out`)
    },
    async [Symbol.asyncDispose]() {
      for (const member of members.values()) await member[Symbol.asyncDispose]()
      members.clear()
    },
  }
}

type Lasts = readonly [lasts: number, quiet: number]

function nobody(): HTTPException {
  return new HTTPException(503, { message: 'no hub with accounts is available here' })
}

/** The credentials in a header, if they can belong to anybody. @throws HTTPException 401 */
function readHeader(header: string): { readonly name?: string; readonly secret: string } {
  const { name, secret = '' } = /^\w+ +\S{1,600} *$/.test(header) ? (readAuthorization(header) ?? {}) : {}
  if (name === undefined && holderOf(secret) !== undefined) return { secret }
  if (name && name.length <= 100 && secret && secret.length <= 400) return { name, secret }
  throw new HTTPException(401, {
    message: 'Authorization: Basic with a name and a password or token of the hub, or Bearer with a token',
  })
}
