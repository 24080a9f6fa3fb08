import { Database } from 'bun:sqlite'
import { join } from 'node:path'
import { ConfigError, messageOf } from '../core/errors.ts'

const LOCK_FILE = '.ocs-recorder.lock'

/**
 * Locks a data directory for one recorder until disposed: an exclusive transaction, which `kill -9` frees.
 * @throws ConfigError when another recorder works in the directory, or nothing can be written there
 */
export function lockDataDir(dir: string): Disposable {
  let lock: Database | undefined
  try {
    lock = new Database(join(dir, LOCK_FILE), { create: true })
    lock.run('BEGIN EXCLUSIVE')
  } catch (cause) {
    lock?.close()
    const busy = /locked|busy/i.test(messageOf(cause))
    const text = busy
      ? `another recorder is at work in ${dir}: stop it, or choose another directory with --data-dir`
      : `data directory ${dir} cannot be locked (${messageOf(cause)}): check the folder and who may write there`
    throw new ConfigError(text, { cause })
  }
  return { [Symbol.dispose]: () => lock.close() }
}
