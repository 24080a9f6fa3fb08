import { createHmac, randomBytes } from 'node:crypto'
import { CONNACK } from '../core/errors.ts'
import { type Identify, partsOf, type Refused, watched } from './identify.ts'
import { Passwords } from './passwords.ts'
import type { Principal } from './principal.ts'
import { principalOf } from './principals-file.ts'

/** Passwords that are known to be right, so that a script's next call need not be checked anew. */
const MOST_KNOWN = 1000

/** Says who somebody is; asked again when what that goes by may have changed. */
export type Who = () => Principal | Refused
/** Whose a password is, or why it is nobody's. @param from the address with its port */
export type ByPassword = (name: string, password: string, from: string) => Promise<Who>

/** The people of a file of principals by their passwords. @param passwords counts who guesses */
export function byPassword(
  file: string,
  log: (text: string) => void,
  passwords = new Passwords(),
): ByPassword {
  const entries = watched(file, log)
  const entryOf = (name: string) => {
    const all = entries()
    return Object.hasOwn(all, name) ? all[name] : undefined
  }
  // What is kept of a right password is worth nothing beyond this process.
  const secret = randomBytes(32)
  const known = new Map<string, string>()
  return async (name, password, from) => {
    const hash = entryOf(name)?.password
    const shown = createHmac('sha256', secret)
      .update(JSON.stringify([name, password]))
      .digest('hex')
    if (hash === undefined || known.get(shown) !== hash) {
      try {
        if (!(await passwords.check(name, from, password, hash))) return refused('no such name and password')
      } catch (error) {
        return refused(error instanceof Error ? error.message : String(error))
      }
      if (known.size >= MOST_KNOWN) known.clear()
      known.set(shown, hash ?? '')
    }
    return () => {
      const entry = entryOf(name)
      return entry?.password === hash && entry
        ? principalOf(name, entry)
        : refused(`the password of ${name} has changed`)()
    }
  }
}

/** Name and secret of `Basic …`, or the secret of `Bearer …` (RFC 7617, RFC 6750); undefined for what is neither. */
export function readAuthorization(
  header: string,
): { readonly name?: string; readonly secret: string } | undefined {
  const [, scheme = '', value = ''] = /^(basic|bearer) +(\S+) *$/i.exec(header) ?? []
  if (scheme.toLowerCase() === 'bearer') return { secret: value }
  const [, name, secret] = /^([^:]*):(.*)$/s.exec(Buffer.from(value, 'base64').toString()) ?? []
  return name === undefined || secret === undefined ? undefined : { name, secret }
}

/**
 * Who a request over HTTP is from, by its `Authorization`: Basic with a person's password or a token in place of it, Bearer
 * with a token. Without one it is who shows nothing.
 */
export async function byAuthorization(
  authorization: string | null,
  from: string,
  identify: Identify,
  people: ByPassword | undefined,
): Promise<Who> {
  const { name = '', secret = '' } = readAuthorization(authorization ?? '') ?? {}
  const { tokens } = partsOf(secret)
  if (authorization !== null && tokens.length === 0 && people)
    return name === '' ? refused('give a name with a password, or a token') : people(name, secret, from)
  return () => identify({ id: 'http', tokens, from })
}

function refused(why: string): () => Refused {
  return () => ({ refused: why, code: CONNACK.wrongPassword })
}
