import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError, messageOf, OpError, TransportError } from '../../core/errors.ts'
import { lockFile } from '../../machine/lock-file.ts'
import { makeOwnFolder, OLD_LOCK, OWN_FOLDER, ownPath } from './own-folder.ts'

/** The lock's path in a data directory. */
export const lockPath = (dir: string) => ownPath(dir, 'lock')

/**
 * Locks a data directory for one recorder until disposed: an exclusive transaction, which `kill -9` releases.
 * Files that an earlier version kept beside the data are moved.
 * @throws ConfigError if another recorder works in the directory
 * @throws TransportError if nothing can be written there; trying again may help
 */
export function lockDataDir(dir: string): Disposable {
  try {
    mkdirSync(join(dir, OWN_FOLDER), { recursive: true })
    const taken = (by: string) =>
      `another recorder is using ${dir}, ${by}: stop it, or choose another directory with --data-dir`
    const lock = lockFile(lockPath(dir), taken)
    try {
      // A recorder of an earlier version holds a lock at another path.
      const old = join(dir, OLD_LOCK)
      if (existsSync(old)) {
        lockFile(old, taken).close()
        for (const left of [old, `${old}-journal`]) rmSync(left, { force: true })
      }
      makeOwnFolder(dir)
    } catch (error) {
      lock.close()
      throw error
    }
    return { [Symbol.dispose]: () => lock.close() }
  } catch (cause) {
    if (cause instanceof OpError) throw new ConfigError(cause.message, { cause })
    const text = `data directory ${dir} cannot be locked (${messageOf(cause)}): check the folder and who may write there`
    throw new TransportError(text, { cause })
  }
}
