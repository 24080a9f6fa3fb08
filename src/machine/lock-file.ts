import { Database } from 'bun:sqlite'
import { existsSync } from 'node:fs'
import { diskAdvice } from '../core/disk-fault.ts'
import { ConfigError, messageOf, OpError } from '../core/errors.ts'
import { lockHolder } from './lock-holder.ts'
import { ownFile } from './private-file.ts'

/**
 * Holds a lock as long as the returned database is open: an exclusive transaction, which `kill -9` releases.
 * @param taken makes the message when another process holds it, given the process's name if the system tells
 *   it
 * @throws OpError when another process holds it
 * @throws ConfigError when the lock file cannot be used
 */
export function lockFile(path: string, taken: (by: string) => string): Database {
  let lock: Database | undefined
  try {
    ownFile(path)
    lock = new Database(path, { create: true })
    // A process that only checks the lock releases it at once.
    lock.run('PRAGMA busy_timeout = 200')
    // Nothing is written, so a full disk does not prevent the lock.
    lock.run('PRAGMA journal_mode = MEMORY')
    lock.run('BEGIN EXCLUSIVE')
    return lock
  } catch (cause) {
    lock?.close()
    if (isBusy(cause)) throw new OpError(taken(lockHolder(path) ?? 'another process'), { cause })
    const advice = diskAdvice(cause, 'check the folder and who may write there')
    throw new ConfigError(`${path}: ${messageOf(cause)}: ${advice}`, { cause })
  }
}

/**
 * Locks a state file of an instance, `ROOT/INSTANCE.sqlite`, for the one process that runs it.
 * @throws as `lockFile`
 */
export function lockInstance(path: string): Database {
  return lockFile(
    `${path}.lock`,
    (by) => `${path} is in use by ${by}: this instance already runs on this machine. Stop that first`,
  )
}

/** Whether a process holds a lock made by `lockFile`. */
export function isLocked(path: string): boolean {
  if (!existsSync(path)) return false
  const lock = new Database(path, { readonly: true })
  try {
    lock.query('SELECT * FROM sqlite_master').get()
    return false
  } catch (error) {
    if (isBusy(error)) return true
    throw error
  } finally {
    lock.close()
  }
}

function isBusy(error: unknown): boolean {
  return (error as { code?: string }).code?.startsWith('SQLITE_BUSY') ?? false
}
