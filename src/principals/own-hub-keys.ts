import { existsSync } from 'node:fs'
import { ConfigError } from '../core/errors.ts'
import type { KeyPair } from './certificate.ts'
import { keyFiles, readHubKeys } from './hub-keys.ts'

/** A certificate, and how it is read: again whenever its file has changed. */
export interface KeySource {
  /** The file to watch. */
  readonly cert: string
  /** @throws ConfigError for files that cannot be used */
  read(): KeyPair
}

/** The certificate that a hub of this account has on this machine: what `ocs hub init` has left in the first of these folders. */
export function ownHubKeys(states: readonly string[]): KeySource | undefined {
  const state = states.find((one) => existsSync(keyFiles(one).cert))
  if (state === undefined) return undefined
  const { cert } = keyFiles(state)
  return {
    cert,
    read() {
      const pair = readHubKeys(state)
      if (pair) return pair
      throw new ConfigError(`there is no ${cert} any more: ocs hub init`)
    },
  }
}
