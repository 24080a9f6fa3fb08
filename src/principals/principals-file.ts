import { statSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { Level } from '../core/access.ts'
import { ConfigError, UsageError } from '../core/errors.ts'
import { HUB, NAME } from '../core/names.ts'
import { mustKnowVersion } from '../machine/file-version.ts'
import { lockFile } from '../machine/lock-file.ts'
import { readPrivate, replacePrivate } from '../machine/private-file.ts'
import { parseEntries } from './parse-entries.ts'
import { hashOf } from './passwords.ts'
import { ANYONE, NOBODY, OPERATORS, type Principal } from './principal.ts'
import { digestOf, newToken } from './token.ts'

/** What somebody may be made, as it is written. */
export const roles = [
  'observer',
  'operator:1',
  'operator:2',
  'operator:3',
  'admin',
  'agent',
  'recorder',
  'bridge',
  'device',
] as const
export type RoleText = (typeof roles)[number]

/** What is kept of a token. Times are ISO 8601. */
const Kept = z.strictObject({
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'no SHA-256'),
  made: z.iso.datetime(),
  until: z.iso.datetime().optional(),
  /** Of somebody who has signed in on a page: it does not push out those of their machines. */
  via: z.literal('bridge').optional(),
})
const Entry = z.strictObject({
  role: z.enum(roles),
  /** Argon2id with its salt and costs, as `Bun.password` writes it. */
  password: z
    .string()
    .regex(/^\$argon2id\$/, 'not an argon2id hash: set it with ocs hub passwd')
    .optional(),
  tokens: z.array(Kept).default([]),
})
export type Entry = z.output<typeof Entry>
const File = z.record(z.string().regex(NAME, 'letters, digits, _ and -, at most 63, a letter first'), Entry)
/** Who is known to a hub, by name. */
export type Entries = Readonly<Record<string, Entry>>

/** Tokens of an agent that are valid at a time: the one in use, and the one that takes its place; of a person, a machine each. */
const MOST_TOKENS = { agent: 2, person: 10 }
const VERSION = 1
/** The version is a comment, since the hub of a version that knows none reads the file, too. */
const COMMENT = `# Who may do what on this hub, which reads it again when it changes. Change it with: ocs hub passwd, token, revoke
# version ${VERSION}
`

/** Where a hub keeps whom it knows. */
export function principalsPath(state: string): string {
  return join(state, 'hub', 'principals.yaml')
}

/** A name with its role and level. */
export function principalOf(name: string, { role }: Pick<Entry, 'role'>): Principal {
  const [word = 'observer', level] = role.split(':') as [Principal['role'], string?]
  return { name, role: word, level: word === 'admin' ? 3 : (Number(level ?? 0) as Level) }
}

/**
 * Whom a file names; nobody when there is none.
 * @throws ConfigError when others may read it, when a newer ocs wrote it, and for what cannot be meant
 */
export function readPrincipals(file: string): Entries {
  if (!statSync(file, { throwIfNoEntry: false })) return {}
  const text = readPrivate(file)
  if (text === undefined)
    throw new ConfigError(`${file} belongs to another account or is readable by others: chmod 600 ${file}`)
  mustKnowVersion(file, Number(/^# version (\d+)$/m.exec(text)?.[1] ?? 0), VERSION, 'run the newer one')
  return parseEntries(file, text, File)
}

/**
 * Sets what somebody may do, and the password that fetches tokens. Those that an earlier one has fetched are valid no more: whoever
 * knew it is out.
 * @returns how many those were
 * @throws UsageError for a name or password that will not do
 */
export async function setPassword(
  file: string,
  name: string,
  role: RoleText,
  password: string,
): Promise<number> {
  const hash = await hashOf(password)
  let ended = 0
  change(file, name, (entry) => {
    const valid = entry?.tokens.filter(isValid) ?? []
    const tokens = valid.filter((one) => !isFetched(one))
    ended = valid.length - tokens.length
    return { ...entry, role, password: hash, tokens }
  })
  return ended
}

/** Of a token that a password has fetched. */
interface FetchedBy {
  readonly until?: Date
  /** `bridge` for one that a bridge keeps for somebody who has signed in there. */
  readonly via?: 'bridge' | undefined
  /** What was kept of the password as it was checked, which takes a while. */
  readonly password?: string | undefined
}

/**
 * Makes a token for somebody, who is added with a role when not there yet. The oldest one goes when there are too many.
 * @returns the token, which is kept nowhere
 * @throws UsageError for who is not there and is given no role, and when the password that was checked is another by now
 */
export function addToken(
  file: string,
  name: string,
  role?: RoleText,
  { until, via, password }: FetchedBy = {},
): string {
  const token = newToken(name)
  change(file, name, (entry) => {
    if (password !== undefined && entry?.password !== password)
      throw new UsageError(`the password of ${name} has changed`)
    const given = role ?? entry?.role
    if (given === undefined)
      throw new UsageError(`there is no account ${name}: ocs hub passwd ${name} --role …`)
    const kept = {
      sha256: digestOf(token).toString('hex'),
      made: new Date().toISOString(),
      ...(until && { until: until.toISOString() }),
      ...(via && { via }),
    }
    const tokens = (entry?.tokens ?? []).filter(isValid)
    const others = tokens.filter((one) => one.via !== via)
    const same = [...tokens.filter((one) => one.via === via), kept]
    return {
      ...entry,
      role: given,
      tokens: [...others, ...same.slice(-(isPerson(given) ? MOST_TOKENS.person : MOST_TOKENS.agent))],
    }
  })
  return token
}

/** Takes somebody out, or with `old` all tokens but the newest. @throws UsageError for a name that is not there */
export function revoke(file: string, name: string, old = false): void {
  change(file, name, (entry) => {
    if (!entry) {
      const names = Object.keys(readPrincipals(file)).join(', ') || 'nobody'
      throw new UsageError(`there is no account ${name} (there are: ${names})`)
    }
    return old ? { ...entry, tokens: entry.tokens.slice(-1) } : undefined
  })
}

function isPerson(role: RoleText): boolean {
  return !['agent', 'recorder', 'bridge', 'device'].includes(role)
}

/** Whether a token has not run out. */
export function isValid({ until }: Entry['tokens'][number]): boolean {
  return until === undefined || Date.parse(until) > Date.now()
}

/** Whether a password has fetched a token, rather than an administrator made it: only the former run out. */
function isFetched({ until }: Entry['tokens'][number]): boolean {
  return until !== undefined
}

/** Changes one entry, while no other process does; undefined takes it out. */
function change(file: string, name: string, to: (entry: Entry | undefined) => Entry | undefined): void {
  if ([HUB, ANYONE.name, NOBODY.name, OPERATORS].includes(name))
    throw new UsageError(`"${name}" is a name that the hub itself uses: choose another`)
  if (!NAME.test(name))
    throw new UsageError(`"${name}" is not a valid account name: letters, digits, _ and -, at most 63`)
  const lock = lockFile(`${file}.lock`, (by) => `${file} is being changed by ${by}: try again`)
  try {
    const { [name]: before, ...rest } = readPrincipals(file)
    const after = to(before)
    const entries = after === undefined ? rest : { ...rest, [name]: after }
    replacePrivate(file, `${COMMENT}${Bun.YAML.stringify(entries, null, 2)}\n`)
  } finally {
    lock.close()
  }
}
