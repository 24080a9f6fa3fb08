import { Database } from 'bun:sqlite'
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { ConfigError, messageOf } from '../core/errors.ts'

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

/** One transaction's worth of changes, made on the main thread and carried out by the worker. */
export interface Batch {
  readonly begin: readonly StoredEpoch[]
  /** Epoch id, seq, time of the first sample (unix s), the row as JSON. */
  readonly rows: readonly (readonly [id: number, seq: number, t: number, body: string])[]
  readonly touch: readonly (readonly [id: number, last: number, acked: number])[]
  /** Lets go of rows up to `upTo` that are older than `before`, `limit` of them; of the epoch itself when `end`. */
  readonly prune: readonly {
    readonly id: number
    readonly upTo: number
    readonly before: number
    readonly end: boolean
  }[]
  readonly limit: number
}
/** What the writing thread is told: the file's path first, batches, to close the file last. */
export type Order = Batch | { readonly open: string } | { readonly close: true }
/** What a batch came to; `firsts` is the oldest row's seq of each pruned epoch that lost rows, 0 when none is left. */
export type Done =
  | { readonly firsts: Readonly<Record<number, number>>; readonly ended: readonly number[] }
  | { readonly error: string }

/** Opens a spool file as its writer does: WAL, each commit synced. Settings by measurement: `docs/decisions/0004`. */
export function openSpoolFile(path: string): Database {
  mkdirSync(dirname(path), { recursive: true })
  const db = new Database(path, { create: true, strict: true })
  db.run('PRAGMA busy_timeout = 2000')
  db.run('PRAGMA auto_vacuum = INCREMENTAL')
  db.run('PRAGMA journal_mode = WAL')
  db.run('PRAGMA synchronous = FULL')
  db.run('PRAGMA journal_size_limit = 8388608')
  db.run('CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT')
  db.run(`CREATE TABLE IF NOT EXISTS epochs(id INTEGER PRIMARY KEY, feed TEXT NOT NULL, epoch TEXT NOT NULL UNIQUE,
    declaration TEXT NOT NULL, previous TEXT, last INTEGER NOT NULL, acked INTEGER NOT NULL) STRICT`)
  db.run(`CREATE TABLE IF NOT EXISTS rows(epoch INTEGER NOT NULL, seq INTEGER NOT NULL, t REAL NOT NULL,
    body TEXT NOT NULL, PRIMARY KEY(epoch, seq)) STRICT, WITHOUT ROWID`)
  db.run("INSERT OR IGNORE INTO meta VALUES ('spool', ?)", [crypto.randomUUID()])
  return db
}

/**
 * Holds a lock as long as the returned database is open: an exclusive transaction, which `kill -9` frees.
 * @throws ConfigError when another process holds it
 */
export function lockFile(path: string, inUse: string): Database {
  try {
    mkdirSync(dirname(path), { recursive: true })
    const lock = new Database(path, { create: true })
    lock.run('BEGIN EXCLUSIVE')
    return lock
  } catch (cause) {
    if (/locked|busy/i.test(messageOf(cause))) throw new ConfigError(inUse, { cause })
    throw new ConfigError(`${path}: ${messageOf(cause)}: check the folder and who may write there`, { cause })
  }
}

/** Carries out a batch in one transaction. Repeating one that had been committed changes nothing. */
export function commit(db: Database, { begin, rows, touch, prune, limit }: Batch): Done {
  const insert = db.query('INSERT OR IGNORE INTO rows(epoch, seq, t, body) VALUES (?, ?, ?, ?)')
  const firsts: Record<number, number> = {}
  const ended: number[] = []
  db.transaction(() => {
    for (const { id, feed, epoch, declaration, previous } of begin) {
      db.run('INSERT OR IGNORE INTO epochs VALUES (?, ?, ?, ?, ?, 0, 0)', [
        id,
        feed,
        epoch,
        declaration,
        previous,
      ])
    }
    for (const row of rows) insert.run(...row)
    for (const [id, last, acked] of touch)
      db.run('UPDATE epochs SET last = ?, acked = ? WHERE id = ?', [last, acked, id])
    let left = limit
    for (const { id, upTo, before, end } of prune) {
      const { changes } = db.run(
        `DELETE FROM rows WHERE epoch = ?1 AND seq IN
          (SELECT seq FROM rows WHERE epoch = ?1 AND seq <= ?2 AND t < ?3 ORDER BY seq LIMIT ?4)`,
        [id, upTo, before, left],
      )
      left -= changes
      const { first } = db.query('SELECT MIN(seq) AS first FROM rows WHERE epoch = ?').get(id) as {
        first: number | null
      }
      if (changes > 0) firsts[id] = first ?? 0
      if (end && first === null) {
        db.run('DELETE FROM epochs WHERE id = ?', [id])
        ended.push(id)
      }
      if (left <= 0) break
    }
  })()
  return { firsts, ended }
}
