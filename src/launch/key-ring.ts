import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ConfigError, messageOf } from '../core/errors.ts'
import { statePath } from '../machine/state-path.ts'
import type { Context } from '../terminal/context.ts'

/**
 * The keys of this account's locks, with which each later command counts as the holder, like the command that
 * locked.
 */
export interface KeyRing {
  /** The key of an instance's lock; also that of an expired lock, which has no effect. */
  get(instance: string): string | undefined
  /** @throws ConfigError when it cannot be stored */
  put(instance: string, key: string): void
  remove(instance: string): void
}

/** Stores keys in the state folder, one file each that nobody else may read. */
export function keyRing(env: Context['env'], root: string): KeyRing {
  const file = (instance: string) => join(statePath(undefined, env), 'keys', `${root}.${instance}`)
  return {
    get(instance) {
      try {
        return readFileSync(file(instance), 'utf8').trim() || undefined
      } catch {
        return undefined
      }
    },
    put(instance, key) {
      const path = file(instance)
      try {
        mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
        // Created anew: an older file may be readable for others.
        rmSync(path, { force: true })
        writeFileSync(path, `${key}\n`, { mode: 0o600, flag: 'wx' })
      } catch (cause) {
        throw new ConfigError(`${path}: ${messageOf(cause)}: name another folder in OCS_STATE_DIR`, { cause })
      }
    },
    remove: (instance) => rmSync(file(instance), { force: true }),
  }
}
