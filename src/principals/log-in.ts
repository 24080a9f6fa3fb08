import { addressAlone } from './identify.ts'
import { Passwords } from './passwords.ts'
import { addToken, readPrincipals } from './principals-file.ts'

/** Days that a token of a log-in is good for. */
const DAYS = 30

/** What somebody gets for a password. */
export interface LoggedIn {
  readonly principal: string
  readonly token: string
  /** Unix seconds at which it runs out. */
  readonly until: number
}
/** Makes a token for a password, or answers why not. @param from the address with its port */
export type LogIn = (name: string, password: string, from: string) => Promise<LoggedIn | string>

/** Log-ins by the passwords of a file of principals. */
export function logIns(file: string, now?: () => number): LogIn {
  const passwords = new Passwords(now)
  return async (name, password, from) => {
    const entries = readPrincipals(file)
    const known = Object.hasOwn(entries, name) ? entries[name] : undefined
    const address = addressAlone(from)
    try {
      const right = await passwords.check(`${address} ${name}`, password, known?.password)
      if (!right) return 'no such name and password'
      const until = new Date(Date.now() + DAYS * 86_400_000)
      return { principal: name, token: addToken(file, name, undefined, until), until: until.getTime() / 1000 }
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }
}
