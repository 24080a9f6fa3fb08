import {
  chmodSync,
  chownSync,
  closeSync,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { ConfigError, messageOf } from '../core/errors.ts'
import { listenerOf } from '../machine/listeners.ts'

/** Where every account looks. A name that others may take first costs nothing: a file counts by its owner. */
const FOLDER = '/tmp'

/** The file by which the members of a group are operators of the hub that an account runs on a port. */
export function operatorsPath(uid: number, port: number): string {
  return join(FOLDER, `ocs-operators-${uid}-${port}`)
}

/** Writes the token for a group: read by its members, written by the account alone (0640). @throws ConfigError */
export function writeOperatorsToken(port: number, token: string, gid: number): void {
  const uid = process.getuid?.() ?? -1
  const path = operatorsPath(uid, port)
  try {
    if (lstatSync(path, { throwIfNoEntry: false })?.uid === uid) rmSync(path)
    const file = openSync(path, 'wx', 0o600)
    try {
      writeSync(file, `${token}\n`)
      chownSync(path, uid, gid)
      chmodSync(path, 0o640)
    } finally {
      closeSync(file)
    }
  } catch (cause) {
    throw new ConfigError(
      `${path}: ${messageOf(cause)}: this account has to be a member of the group, and the file its own`,
      { cause },
    )
  }
}

/**
 * The token of the hub on a port of this machine, for members of its operators' group. It counts only when it is of the account
 * that listens there, and nobody else could have written it.
 */
export function knownOperatorsToken(port: number): string | undefined {
  const uid = listenerOf(port)
  if (uid === undefined) return undefined
  try {
    const file = openSync(operatorsPath(uid, port), 'r')
    try {
      const about = fstatSync(file)
      if (!about.isFile() || about.uid !== uid || (about.mode & 0o027) !== 0) return undefined
      return readFileSync(file, 'utf8').trim()
    } finally {
      closeSync(file)
    }
  } catch {
    return undefined // not there, or for others
  }
}
