import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { ConfigError, messageOf } from '../core/errors.ts'
import { privateText, readPrivate } from './private-file.ts'

/** Where an account keeps what it shows its hub to have a spool drained. */
export function drainTokenPath(state: string): string {
  return join(state, 'hub', 'drain.token')
}

/**
 * What an account has in its state folders to show a hub; in a folder that has none it is made, the same in all of them.
 * @param states the folder of the spool first, which has to be writable
 * @throws ConfigError when it cannot be written there
 */
export function ownDrainTokens([first, ...others]: readonly [string, ...string[]]): string[] {
  const fresh = [first, ...others].map(knownDrainToken).find((token) => token !== undefined)
  const make = () => `${fresh ?? `ocs1_drain_${randomBytes(32).toString('base64url')}`}\n`
  const own = written(drainTokenPath(first), make)
  const more = others.map((state) => {
    try {
      return privateText(drainTokenPath(state), () => `${own}\n`).trim()
    } catch {
      return own // an account without a home
    }
  })
  return [...new Set([own, ...more])]
}

/** The token that a hub of the account expects; undefined where none was made, or others may read it. */
export function knownDrainToken(state: string): string | undefined {
  return readPrivate(drainTokenPath(state))?.trim() || undefined
}

function written(path: string, make: () => string): string {
  try {
    return privateText(path, make).trim()
  } catch (cause) {
    throw new ConfigError(`${path}: ${messageOf(cause)}: check the folder and who may write there`, { cause })
  }
}
