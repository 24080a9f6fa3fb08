import { Database } from 'bun:sqlite'
import { existsSync } from 'node:fs'
import { diskAdvice } from '../core/disk-fault.ts'
import { ConfigError, messageOf, OpError } from '../core/errors.ts'
import { ownFile } from './private-file.ts'

/**
 * Holds a lock as long as the returned database is open: an exclusive transaction, which `kill -9` frees.
 * @throws OpError when another process holds it
 */
export function lockFile(path: string, inUse: string): Database {
  try {
    ownFile(path)
    const lock = new Database(path, { create: true })
    // Whoever only looks whether it is held is gone at once.
    lock.run('PRAGMA busy_timeout = 200')
    // Nothing is written, so a full disk keeps nobody from it.
    lock.run('PRAGMA journal_mode = MEMORY')
    lock.run('BEGIN EXCLUSIVE')
    return lock
  } catch (cause) {
    if (/locked|busy/i.test(messageOf(cause))) throw new OpError(inUse, { cause })
    const advice = diskAdvice(cause, 'check the folder and who may write there')
    throw new ConfigError(`${path}: ${messageOf(cause)}: ${advice}`, { cause })
  }
}

/** Whether a process holds a lock of `lockFile`. */
export function isLocked(path: string): boolean {
  if (!existsSync(path)) return false
  const lock = new Database(path, { readonly: true })
  try {
    lock.query('SELECT * FROM sqlite_master').get()
    return false
  } catch (error) {
    if (/locked|busy/i.test(messageOf(error))) return true
    throw error
  } finally {
    lock.close()
  }
}
