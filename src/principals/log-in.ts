import { CONNACK } from '../core/errors.ts'
import { NotNow, Passwords } from './passwords.ts'
import { addToken, type Entry, readPrincipals } from './principals-file.ts'

const HOUR_MS = 3_600_000
/** Milliseconds that a token of a log-in is good for, and one of a sign-in on a page. */
const [LONG_MS, SHORT_MS] = [30 * 24 * HOUR_MS, 12 * HOUR_MS]

/** What somebody gets for a password. */
export interface LoggedIn {
  readonly principal: string
  /** What they may do, as it is written: `operator:2`. */
  readonly role: Entry['role']
  readonly token: string
  /** Unix seconds at which it runs out. */
  readonly until: number
}
/** Why somebody gets none, and the code that they are told: another one when they have to wait. */
export interface NotLoggedIn {
  readonly refused: string
  readonly code: number
}
/**
 * Makes a token for a password, or answers why not.
 * @param from the address, with its port or without, whose failures count together with the name
 * @param via `bridge` for a shorter one, of somebody who signs in on a page
 */
export type LogIn = (
  name: string,
  password: string,
  from: string,
  via?: 'bridge',
) => Promise<LoggedIn | NotLoggedIn>

/** Log-ins by the passwords of a file of principals. @param passwords counts who guesses */
export function logIns(file: string, passwords = new Passwords()): LogIn {
  return async (name, password, from, via) => {
    try {
      const entries = readPrincipals(file)
      const known = Object.hasOwn(entries, name) ? entries[name] : undefined
      const right = await passwords.check(name, from, password, known?.password)
      if (!right || !known) return { refused: 'no such name and password', code: CONNACK.wrongPassword }
      const until = new Date(Date.now() + (via ? SHORT_MS : LONG_MS))
      const token = addToken(file, name, undefined, { until, via, password: known.password })
      return { principal: name, role: known.role, token, until: until.getTime() / 1000 }
    } catch (error) {
      const refused = error instanceof Error ? error.message : String(error)
      return { refused, code: error instanceof NotNow ? CONNACK.noRoom : CONNACK.wrongPassword }
    }
  }
}
