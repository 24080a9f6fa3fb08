import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ConfigError, messageOf } from '../core/errors.ts'
import { statePath } from '../machine/state-path.ts'
import type { Context } from '../terminal/context.ts'

/** The keys of the locks that this account holds, so that each command is their holder as the one that locked. */
export interface KeyRing {
  /** The key of an instance's lock; also one that is over, which opens nothing. */
  get(instance: string): string | undefined
  /** @throws ConfigError when it cannot be kept */
  put(instance: string, key: string): void
  remove(instance: string): void
}

/** Keeps keys in the state folder, a file each that nobody else may read. */
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
        // Made anew: an older file may have been opened to others.
        rmSync(path, { force: true })
        writeFileSync(path, `${key}\n`, { mode: 0o600, flag: 'wx' })
      } catch (cause) {
        throw new ConfigError(`${path}: ${messageOf(cause)}: name another folder in OCS_STATE_DIR`, { cause })
      }
    },
    remove: (instance) => rmSync(file(instance), { force: true }),
  }
}
