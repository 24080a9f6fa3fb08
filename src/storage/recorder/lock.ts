import { Database } from 'bun:sqlite'
import { join } from 'node:path'
import { ConfigError, messageOf, TransportError } from '../../core/errors.ts'

const LOCK_FILE = '.ocs-recorder.lock'

/**
 * Locks a data directory for one recorder until disposed: an exclusive transaction, which `kill -9` frees.
 * @throws ConfigError when another recorder works in the directory
 * @throws TransportError when nothing can be written there; trying again may help
 */
export function lockDataDir(dir: string): Disposable {
  let lock: Database | undefined
  try {
    lock = new Database(join(dir, LOCK_FILE), { create: true })
    lock.run('BEGIN EXCLUSIVE')
  } catch (cause) {
    lock?.close()
    if (/locked|busy/i.test(messageOf(cause))) {
      const text = `another recorder is at work in ${dir}: stop it, or choose another directory with --data-dir`
      throw new ConfigError(text, { cause })
    }
    const text = `data directory ${dir} cannot be locked (${messageOf(cause)}): check the folder and who may write there`
    throw new TransportError(text, { cause })
  }
  return { [Symbol.dispose]: () => lock.close() }
}
