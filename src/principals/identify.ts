import { statSync } from 'node:fs'
import type { Level } from '../core/access.ts'
import { CONNACK, messageOf } from '../core/errors.ts'
import { isLoopback } from '../core/host-port.ts'
import { addressAlone } from './place.ts'
import { ANYONE, NOBODY, OPERATORS, type Principal } from './principal.ts'
import { type Entries, isValid, principalOf, readPrincipals } from './principals-file.ts'
import { digestOf, holderOf, isDigest } from './token.ts'

/** What a client shows as it connects. Of its tokens nothing is kept but whose they are and their digests. */
export interface Shown {
  readonly id: string
  readonly user?: string | undefined
  readonly tokens: readonly { readonly holder: string; readonly digest: Buffer }[]
  /** Its address with the port. */
  readonly from: string
}
/** Why it is not let in, with the code that it is told. */
export interface Refused {
  readonly refused: string
  readonly code: number
}
/** Says who a client is; asked again of those that are connected when what it goes by may have changed. */
export type Identify = (shown: Shown) => Principal | Refused

/** On an open hub everybody may do everything. */
export const everybody: Identify = () => ANYONE

/** What a hub with principals goes by. */
export interface Known {
  /** The account that runs it, and its local tokens. */
  readonly account: string
  readonly local: readonly string[]
  /** What members of the operators' group show, and their level. */
  readonly operators?: { readonly token: string; readonly level: Level } | undefined
  /** The file of all others, which is read again when it has changed. */
  readonly file: string
  log(text: string): void
}

/** Goes by the tokens that are shown. Who shows none is an observer on loopback, and let in from nowhere else. */
export function byToken({ account, local, operators, file, log }: Known): Identify {
  const owner: Principal = { name: account, role: 'owner', level: 3 }
  const own = local.map(digestOf)
  const group = operators && digestOf(operators.token)
  const entriesNow = watched(file, log)
  return ({ id, user, tokens, from }) => {
    if (tokens.some(({ digest }) => own.some((one) => isDigest(one, digest)))) return owner
    if (group && operators && tokens.some(({ digest }) => isDigest(group, digest)))
      return { name: OPERATORS, role: 'operator', level: operators.level }
    const entries = tokens.length > 0 ? entriesNow() : {}
    for (const { holder, digest } of tokens) {
      const entry = Object.hasOwn(entries, holder) ? entries[holder] : undefined
      const found = entry?.tokens.find(({ sha256 }) => isDigest(Buffer.from(sha256, 'hex'), digest))
      if (!entry || !found) continue
      if (isValid(found)) return principalOf(holder, entry)
      return { refused: `the token of ${holder} expired on ${found.until}`, code: CONNACK.wrongPassword }
    }
    const [shown] = tokens
    if (shown) return { refused: `it has an invalid token of ${shown.holder}`, code: CONNACK.wrongPassword }
    // Clients of ocs without a token name themselves.
    if (user !== undefined && user !== id)
      return { refused: 'it gives a user without a token as the password', code: CONNACK.wrongPassword }
    if (isLoopback(addressAlone(from))) return NOBODY
    return { refused: 'it comes from another host without a token', code: CONNACK.notAuthorised }
  }
}

/** The tokens of a password, the parts between its dots that are some, and what the client keeps to itself. */
export function partsOf(password: string): { readonly tokens: Shown['tokens']; readonly own: string } {
  const parts = password.split('.')
  const tokens = parts.flatMap((part) => {
    const holder = holderOf(part)
    return holder === undefined ? [] : [{ holder, digest: digestOf(part) }]
  })
  return { tokens, own: parts.filter((part) => holderOf(part) === undefined).join('.') }
}

/** Whom the file names now; whom it named before while it cannot be read, which is said once. */
export function watched(file: string, log: (text: string) => void): () => Entries {
  let entries: Entries = {}
  let seen = ''
  return () => {
    const { mtimeMs, ino, size, mode } = statSync(file, { throwIfNoEntry: false }) ?? {}
    const now = `${mtimeMs} ${ino} ${size} ${mode}`
    if (now === seen) return entries
    seen = now
    try {
      entries = readPrincipals(file)
    } catch (error) {
      log(`error: the previous accounts stay valid: ${messageOf(error)}`)
    }
    return entries
  }
}
