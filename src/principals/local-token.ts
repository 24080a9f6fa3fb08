import { userInfo } from 'node:os'
import { join } from 'node:path'
import { ConfigError, messageOf } from '../core/errors.ts'
import { NAME } from '../core/names.ts'
import { privateText, readPrivate } from '../machine/private-file.ts'
import { newToken } from './token.ts'

/** Where an account keeps what shows its hub that a client is of the same account. */
function localTokenPath(state: string): string {
  return join(state, 'hub', 'local.token')
}

/** The tokens that an account has in its state folders; none where no hub has run, or others may read them. */
export function knownLocalTokens(states: readonly string[]): string[] {
  const found = states.map((state) => readPrivate(localTokenPath(state))?.trim())
  return [...new Set(found.flatMap((token) => (token ? [token] : [])))]
}

/**
 * The same for the hub, which makes what is not there yet: one token for all its state folders.
 * @param states the folder of the hub first, which has to be writable
 * @throws ConfigError when it cannot be written there
 */
export function ownLocalTokens([first, ...others]: readonly [string, ...string[]]): string[] {
  const fresh = knownLocalTokens([first, ...others])[0] ?? newToken(accountName())
  const path = localTokenPath(first)
  try {
    privateText(path, () => `${fresh}\n`)
  } catch (cause) {
    throw new ConfigError(`${path}: ${messageOf(cause)}: check the folder and who may write there`, { cause })
  }
  for (const state of others) {
    try {
      privateText(localTokenPath(state), () => `${fresh}\n`)
    } catch {
      // An account without a home.
    }
  }
  return knownLocalTokens([first, ...others])
}

/** The name of this account, as far as it can stand in a token. */
export function accountName(): string {
  let name = ''
  try {
    name = userInfo().username
  } catch {
    // An account that has no entry, as in some containers.
  }
  return NAME.test(name) ? name : `uid${process.getuid?.() ?? ''}`
}
