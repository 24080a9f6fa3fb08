import { Database } from 'bun:sqlite'
import { existsSync, renameSync, statSync } from 'node:fs'
import { messageOf } from '../../core/errors.ts'
import { mustKnowVersion } from '../../machine/file-version.ts'
import { ownFile } from '../../machine/private-file.ts'

/** Version of the tables below, in SQLite's `user_version`. */
export const SPOOL_VERSION = 1
/**
 * Files up to this many bytes are checked completely when they are opened (1 s per GiB if in the page cache).
 */
const CHECK_BYTES = 256 << 20
/** Pages returned to the file system by each commit that deletes rows. */
const VACUUM_PAGES = 64

/** An epoch as stored. `declaration` and `previous` are JSON; `last` is the last committed seq. */
export interface StoredEpoch {
  readonly id: number
  readonly feed: string
  readonly epoch: string
  readonly declaration: string
  readonly previous: string | null
  readonly last: number
  readonly acked: number
}

/** The changes of one transaction, made on the main thread and carried out by the worker. */
export interface Batch {
  readonly begin: readonly StoredEpoch[]
  /** Epoch id, seq, time of the first sample (unix s), the row as JSON. */
  readonly rows: readonly (readonly [id: number, seq: number, t: number, body: string])[]
  readonly touch: readonly (readonly [id: number, last: number, acked: number])[]
  /** Deletes rows up to `upTo`, `limit` of them; the epoch itself if `end` and no row is left. */
  readonly prune: readonly { readonly id: number; readonly upTo: number; readonly end: boolean }[]
  readonly limit: number
  /** Bytes that the rows may take; above that the oldest are deleted, `limit` per batch. */
  readonly quota: number
}
/** Orders to the writing thread: numbered batches of a spool, and finally to close its file. */
export type Order =
  | { readonly spool: number; readonly path: string; readonly number: number; readonly batch: Batch }
  | { readonly spool: number; readonly close: true }
/** The result of a batch. */
export type Done =
  | {
      /** The seq of the oldest row of each epoch that lost rows, 0 if none is left. */
      readonly firsts: Readonly<Record<number, number>>
      /** Epochs that were deleted. */
      readonly ended: readonly number[]
      /** Number of rows deleted because of the quota. */
      readonly dropped: number
    }
  | { readonly error: string }
/** The answer to the batch with that number. */
export interface Answer {
  readonly spool: number
  readonly number: number
  readonly done: Done
}

/**
 * Opens a spool file for writing: WAL, each commit synced. Settings by measurement: `docs/decisions/0004`.
 */
export function openSpoolFile(path: string): Database {
  ownFile(path)
  const db = new Database(path, { create: true, strict: true })
  try {
    db.run('PRAGMA busy_timeout = 2000')
    const version = mustKnow(db)
    db.run('PRAGMA auto_vacuum = INCREMENTAL')
    db.run('PRAGMA journal_mode = WAL')
    db.run('PRAGMA synchronous = FULL')
    db.run('PRAGMA journal_size_limit = 8388608')
    if (version < SPOOL_VERSION) create(db)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

function create(db: Database): void {
  db.transaction(() => {
    db.run('CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT')
    db.run(`CREATE TABLE IF NOT EXISTS epochs(id INTEGER PRIMARY KEY, feed TEXT NOT NULL, epoch TEXT NOT NULL UNIQUE,
      declaration TEXT NOT NULL, previous TEXT, last INTEGER NOT NULL, acked INTEGER NOT NULL) STRICT`)
    db.run(`CREATE TABLE IF NOT EXISTS rows(epoch INTEGER NOT NULL, seq INTEGER NOT NULL, t REAL NOT NULL,
      body TEXT NOT NULL, PRIMARY KEY(epoch, seq)) STRICT, WITHOUT ROWID`)
    db.run("INSERT OR IGNORE INTO meta VALUES ('spool', ?)", [crypto.randomUUID()])
    db.run(`PRAGMA user_version = ${SPOOL_VERSION}`)
  })()
}

/**
 * Opens a spool file. A damaged file is set aside and a new one begun: `broken` is the new path of the
 * damaged one.
 */
export function openOrReplace(path: string): { readonly db: Database; readonly broken: string | undefined } {
  try {
    const db = openSpoolFile(path)
    const fault = statSync(path).size <= CHECK_BYTES ? faultOf(db) : undefined
    if (fault === undefined) return { db, broken: undefined }
    db.close()
  } catch (error) {
    if (!isDamage(messageOf(error))) throw error
  }
  const broken = `${path}.broken-${new Date().toISOString().replaceAll(/[-:.]/g, '')}`
  for (const end of ['', '-wal', '-shm']) {
    if (existsSync(path + end)) renameSync(path + end, broken + end)
  }
  return { db: openSpoolFile(path), broken }
}

function faultOf(db: Database): string | undefined {
  db.query('SELECT key FROM meta, epochs, rows LIMIT 1').get()
  const { quick_check } = db.query('PRAGMA quick_check(1)').get() as { quick_check: string }
  return quick_check === 'ok' ? undefined : quick_check
}

/** Whether an SQLite error means that the file itself is damaged. */
export function isDamage(message: string): boolean {
  return /malformed|not a database|no such (table|column)/i.test(message)
}

/**
 * Opens a spool file for reading, beside its agent.
 * @throws ConfigError when a newer ocs wrote it
 */
export function openToLook(path: string): Database {
  const db = new Database(path, { readonly: true })
  try {
    db.run('PRAGMA busy_timeout = 2000')
    mustKnow(db)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

/** @throws ConfigError for a file of a newer version */
function mustKnow(db: Database): number {
  const { user_version } = db.query('PRAGMA user_version').get() as { user_version: number }
  mustKnowVersion(db.filename, user_version, SPOOL_VERSION)
  return user_version
}

/** Carries out a batch in one transaction. Repeating a committed batch changes nothing. */
export function commit(db: Database, batch: Batch): Done {
  const insert = db.query('INSERT OR IGNORE INTO rows(epoch, seq, t, body) VALUES (?, ?, ?, ?)')
  const begin = db.query('INSERT OR IGNORE INTO epochs VALUES (?, ?, ?, ?, ?, 0, 0)')
  const touch = db.query('UPDATE epochs SET last = ?, acked = ? WHERE id = ?')
  const firsts: Record<number, number> = {}
  const ended: number[] = []
  let dropped = 0
  db.transaction(() => {
    for (const { id, feed, epoch, declaration, previous } of batch.begin) {
      begin.run(id, feed, epoch, declaration, previous)
    }
    for (const row of batch.rows) insert.run(...row)
    for (const [id, last, acked] of batch.touch) touch.run(last, acked, id)
    let left = batch.limit
    for (const { id, upTo, end } of batch.prune) {
      const { changes, first } = letGo(db, id, upTo, left)
      left -= changes
      if (changes > 0) firsts[id] = first ?? 0
      if (end && first === null) {
        db.run('DELETE FROM epochs WHERE id = ?', [id])
        ended.push(id)
      }
      if (left <= 0) break
    }
    if (usedBytes(db) > batch.quota) {
      const oldest = oldestOf(db)
      if (!oldest) return
      const upTo = oldest.recorded ? oldest.acked : Number.MAX_SAFE_INTEGER
      const { changes, first } = letGo(db, oldest.id, upTo, batch.limit)
      firsts[oldest.id] = first ?? 0
      if (!oldest.recorded) dropped = changes
    }
    if (Object.keys(firsts).length > 0) db.run(`PRAGMA incremental_vacuum(${VACUUM_PAGES})`)
  })()
  return { firsts, ended, dropped }
}

/** Deletes an epoch's rows, oldest first; returns how many were deleted and which is the first now. */
function letGo(db: Database, id: number, upTo: number, limit: number) {
  const { changes } = db
    .query(
      `DELETE FROM rows WHERE epoch = ?1 AND seq IN
        (SELECT seq FROM rows WHERE epoch = ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3)`,
    )
    .run(id, upTo, limit)
  const { first } = db.query('SELECT MIN(seq) AS first FROM rows WHERE epoch = ?').get(id) as {
    first: number | null
  }
  return { changes, first }
}

/** The epoch whose rows are deleted next when there are too many: recorded ones first, then the oldest. */
function oldestOf(db: Database): { id: number; acked: number; recorded: 0 | 1 } | null {
  return db
    .query(
      `SELECT id, acked, first <= acked AS recorded FROM
        (SELECT id, acked, (SELECT MIN(seq) FROM rows WHERE epoch = id) AS first FROM epochs)
        WHERE first IS NOT NULL
        ORDER BY first > acked, (SELECT t FROM rows WHERE epoch = id AND seq = first) LIMIT 1`,
    )
    .get() as { id: number; acked: number; recorded: 0 | 1 } | null
}

function usedBytes(db: Database): number {
  const pragma = (name: string) => (db.query(`PRAGMA ${name}`).get() as Record<string, number>)[name] ?? 0
  return (pragma('page_count') - pragma('freelist_count')) * pragma('page_size')
}
