import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { ConfigError, messageOf } from '../core/errors.ts'
import { listenerOf } from '../machine/listeners.ts'

/** Where every account looks. Others may put files of the same name there: one counts by its owner. */
const FOLDER = '/tmp'

/** What the files begin with by which the members of a group are operators of the hub that an account runs on a port. */
function prefixOf(uid: number, port: number): string {
  return `ocs-operators-${uid}-${port}`
}

/** The files of that name which are the account's own; others' are left alone, whatever they are. */
export function operatorsPaths(uid: number, port: number): string[] {
  return readdirSync(FOLDER)
    .filter((name) => name === prefixOf(uid, port) || name.startsWith(`${prefixOf(uid, port)}.`))
    .map((name) => join(FOLDER, name))
    .filter((path) => lstatSync(path, { throwIfNoEntry: false })?.uid === uid)
}

/**
 * Writes the token for a group: read by its members, written by the account alone (0640). Under a name that nobody can have
 * taken before, so that no other account keeps a hub from it.
 * @throws ConfigError
 */
export function writeOperatorsToken(port: number, token: string, gid: number): void {
  const uid = process.getuid?.() ?? -1
  const path = join(FOLDER, `${prefixOf(uid, port)}.${randomBytes(8).toString('hex')}`)
  try {
    const before = operatorsPaths(uid, port)
    const file = openSync(path, 'wx', 0o600)
    try {
      writeSync(file, `${token}\n`)
      chownSync(path, uid, gid)
      chmodSync(path, 0o640)
    } finally {
      closeSync(file)
    }
    for (const old of before) rmSync(old, { force: true })
  } catch (cause) {
    throw new ConfigError(`${path}: ${messageOf(cause)}: this account must be able to write there`, {
      cause,
    })
  }
}

/**
 * The token of the hub on a port of this machine, for members of its operators' group. It counts only when it is of the account
 * that listens there, and nobody else could have written it.
 */
export function knownOperatorsToken(port: number): string | undefined {
  const uid = listenerOf(port)
  return uid === undefined
    ? undefined
    : operatorsPaths(uid, port)
        .map((path) => readToken(path, uid))
        .find(Boolean)
}

function readToken(path: string, uid: number): string | undefined {
  try {
    // Nobody is waited for who would have to write into a FIFO.
    const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW)
    try {
      const about = fstatSync(file)
      if (!about.isFile() || about.uid !== uid || (about.mode & 0o027) !== 0) return undefined
      return readFileSync(file, 'utf8').trim()
    } finally {
      closeSync(file)
    }
  } catch {
    return undefined // not there any more, or for others
  }
}
