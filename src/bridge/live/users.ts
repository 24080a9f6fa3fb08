import { chmodSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { z } from 'zod'
import { ConfigError, messageOf, UsageError } from '../../core/errors.ts'
import { parseEntries } from '../../principals/parse-entries.ts'
import { hashOf } from '../../principals/passwords.ts'

/** Who may do what on the live page: an operator starts, stops and aborts; an observer signs in and looks. */
export const Role = z.enum(['operator', 'observer'])
export type Role = z.output<typeof Role>

const UserName = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/,
    'letters, digits, _, - and ., at most 63, a letter or digit first',
  )
const User = z.strictObject({
  role: Role,
  /** Argon2id with its salt and costs, as `Bun.password` writes it. */
  password: z.string().regex(/^\$argon2id\$/, 'no argon2id hash: set it with ocs bridge passwd'),
})
export type User = z.output<typeof User>
const File = z.record(UserName, User)
/** The users of a live page by name. */
export type Users = Readonly<Record<string, User>>

const COMMENT =
  '# Who may operate from the live page. Change it with: ocs bridge passwd NAME --role operator|observer\n'

/**
 * The users that a file names; undefined when there is no file.
 * @throws ConfigError when others than its owner may read it, and for what cannot be meant
 */
export function readUsers(file: string): Users | undefined {
  let text: string
  try {
    const { mode } = statSync(file)
    if (mode & 0o077) {
      throw new ConfigError(`${file} can be read by others, who could try its passwords: chmod 600 ${file}`)
    }
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    if (cause instanceof ConfigError) throw cause
    throw new ConfigError(`${file} cannot be read: ${messageOf(cause)}`, { cause })
  }
  return parseEntries(file, text, File)
}

/**
 * Adds a user to a file, or changes one. The file is made when there is none, for its owner's eyes alone.
 * @throws UsageError for a name or a password that will not do; ConfigError for a file that cannot be used
 */
export async function setUser(file: string, name: string, role: Role, password: string): Promise<void> {
  const named = UserName.safeParse(name)
  if (!named.success)
    throw new UsageError(`"${name}" is no name for a user: ${named.error.issues[0]?.message}`)
  const hash = await hashOf(password)
  const users = readUsers(file) ?? {}
  write(file, { ...users, [name]: { role, password: hash } })
}

/** Takes a user out of a file. @throws UsageError when it has none of that name */
export function removeUser(file: string, name: string): void {
  const { [name]: gone, ...rest } = readUsers(file) ?? {}
  if (!gone) throw new UsageError(`${file} has no user ${name}`)
  write(file, rest)
}

function write(file: string, users: Users): void {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    writeFileSync(`${file}.new`, `${COMMENT}${Bun.YAML.stringify(users, null, 2)}\n`, { mode: 0o600 })
    // What was left of an earlier try keeps its own mode.
    chmodSync(`${file}.new`, 0o600)
    renameSync(`${file}.new`, file)
  } catch (cause) {
    throw new ConfigError(`${file} cannot be written: ${messageOf(cause)}`, { cause })
  }
}
