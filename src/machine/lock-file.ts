import { Database } from 'bun:sqlite'
import { existsSync } from 'node:fs'
import { diskAdvice } from '../core/disk-fault.ts'
import { ConfigError, messageOf, OpError } from '../core/errors.ts'
import { lockHolder } from './lock-holder.ts'
import { ownFile } from './private-file.ts'

/**
 * Holds a lock as long as the returned database is open: an exclusive transaction, which `kill -9` frees.
 * @param taken what to say when another process holds it, given which, as far as the system tells
 * @throws OpError when another process holds it
 * @throws ConfigError when there can be no lock
 */
export function lockFile(path: string, taken: (by: string) => string): Database {
  let lock: Database | undefined
  try {
    ownFile(path)
    lock = new Database(path, { create: true })
    // Whoever only looks whether it is held is gone at once.
    lock.run('PRAGMA busy_timeout = 200')
    // Nothing is written, so a full disk keeps nobody from it.
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

/** Locks a file of an instance's state, `ROOT/INSTANCE.sqlite`, for the one process that runs it. @throws as `lockFile` */
export function lockInstance(path: string): Database {
  return lockFile(
    `${path}.lock`,
    (by) => `${path} is in use by ${by}: this instance already runs on this machine. Stop that first`,
  )
}

/** Whether a process holds a lock of `lockFile`. */
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
