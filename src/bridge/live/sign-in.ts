import { statSync } from 'node:fs'
import { HTTPException } from 'hono/http-exception'
import { backoff } from '../../core/backoff.ts'
import { messageOf } from '../../core/errors.ts'
import { type Role, readUsers, type Users } from './users.ts'

/** Passwords that are checked at a time, since each takes 64 MiB and a processor; and how many more may wait. */
const AT_ONCE = 2
const MAX_WAITING = 10
/** Failures after which an address has to wait: 1 s, then twice as long each time, 60 s at most. */
const FREE_FAILURES = 3
const LONGEST_MS = 60_000
/** Addresses of which failures are remembered, and people signed in, at most. */
const MAX_KNOWN = 10_000
const MAX_SESSIONS = 1000
/** Milliseconds after which one has to sign in again. */
const SESSION_MS = 12 * 3_600_000

/** Somebody who has signed in. */
export interface SignedIn {
  readonly name: string
  readonly role: Role
}
/** Lets people in, and knows them again. */
export interface SignIns {
  /** Whether there is anybody who could sign in. */
  any(): boolean
  /**
   * Checks a password.
   * @returns the token of a new session, for a cookie
   * @throws HTTPException 401 for a wrong name or password, 429 for an address that has to wait, 503 when too many come
   */
  enter(name: string, password: string, address: string): Promise<string>
  /** Whose session this is; undefined for nobody's, also after the user's password or role has changed. */
  who(token: string | undefined): SignedIn | undefined
  leave(token: string | undefined): void
}

interface Session extends SignedIn {
  readonly hash: string
  readonly until: number
}

/**
 * @param file of users; it is read again whenever it has changed
 * @param now the monotonic clock, ms
 */
export function signIns(
  file: string | undefined,
  log: (text: string) => void,
  now = () => performance.now(),
): SignIns {
  const sessions = new Map<string, Session>()
  const failures = new Map<string, { readonly count: number; readonly until: number }>()
  const usersNow = watchedUsers(file, log)
  const verify = inTurn()
  // Who guesses names hears no sooner that there is none. A hash takes 64 MB for a moment: not before someone asks.
  let nobody: Promise<string> | undefined

  return {
    any: () => Object.keys(usersNow()).length > 0,
    async enter(name, password, address) {
      const failed = failures.get(address)
      if (failed && failed.until > now()) {
        const wait = Math.ceil((failed.until - now()) / 1000)
        throw new HTTPException(429, { message: `too many wrong passwords: try again in ${wait} s` })
      }
      nobody ??= Bun.password.hash(crypto.randomUUID(), 'argon2id')
      const hash = await nobody
      const users = usersNow()
      const user = Object.hasOwn(users, name) ? users[name] : undefined
      const right = await verify(password, user?.password ?? hash)
      if (!right || !user) {
        const count = (failures.get(address)?.count ?? 0) + 1
        const wait = count < FREE_FAILURES ? 0 : backoff(count - FREE_FAILURES, 1000, LONGEST_MS)
        failures.delete(address)
        failures.set(address, { count, until: now() + wait })
        if (failures.size > MAX_KNOWN) failures.delete([...failures.keys()][0] ?? '')
        log(`warning: sign-in refused for ${JSON.stringify(name.slice(0, 63))} from ${address}`)
        throw new HTTPException(401, { message: 'no such name and password' })
      }
      failures.delete(address)
      const token = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url')
      sessions.set(token, { name, role: user.role, hash: user.password, until: now() + SESSION_MS })
      if (sessions.size > MAX_SESSIONS) sessions.delete([...sessions.keys()][0] ?? '')
      log(`${name} (${user.role}) signed in from ${address}`)
      return token
    },
    who(token) {
      const session = sessions.get(token ?? '')
      if (!session) return undefined
      const users = usersNow()
      const user = Object.hasOwn(users, session.name) ? users[session.name] : undefined
      if (user?.password === session.hash && user.role === session.role && session.until > now())
        return { name: session.name, role: session.role }
      sessions.delete(token ?? '')
      return undefined
    },
    leave(token) {
      const session = sessions.get(token ?? '')
      sessions.delete(token ?? '')
      if (session) log(`${session.name} signed out`)
    },
  }
}

/** The users of a file as it is now; nobody while it cannot be used, which is said once. */
function watchedUsers(file: string | undefined, log: (text: string) => void): () => Users {
  let users: Users = {}
  let seen = ''
  let told = ''
  return () => {
    if (file === undefined) return {}
    try {
      const stat = statSync(file, { throwIfNoEntry: false })
      const now = stat ? `${stat.mtimeMs} ${stat.ino} ${stat.mode} ${stat.size}` : ''
      if (now !== seen) users = readUsers(file) ?? {}
      seen = now
      told = ''
    } catch (error) {
      users = {}
      seen = 'unusable'
      if (told !== messageOf(error)) log(`error: nobody can sign in: ${messageOf(error)}`)
      told = messageOf(error)
    }
    return users
  }
}

/** Checks passwords, few at a time. */
function inTurn(): (password: string, hash: string) => Promise<boolean> {
  let running = 0
  const waiting: (() => void)[] = []
  return async (password, hash) => {
    if (running >= AT_ONCE) {
      if (waiting.length >= MAX_WAITING)
        throw new HTTPException(503, { message: 'many sign in just now: try again in a moment' })
      await new Promise<void>((resolve) => waiting.push(resolve))
    } else running++
    try {
      return await Bun.password.verify(password, hash)
    } finally {
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }
}
