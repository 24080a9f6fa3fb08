/** The SQLite file of an index: its location, its tables, and how it is opened. */
import { Database } from 'bun:sqlite'
import { createHash } from 'node:crypto'
import { realpathSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { FieldType } from '../../core/wire.ts'
import type { Run } from './archive-runs.ts'
import type { Providers } from './archive-scan.ts'

/**
 * A file as it was when last read. `good`: bytes of whole frames from its beginning; `problem`: why reading
 * stopped there.
 */
export interface IndexedFile {
  readonly id: number
  readonly path: string
  readonly inode: number
  readonly size: number
  /** When it was last written, unix ms. */
  readonly mtime: number
  readonly good: number
  readonly providers: string
  readonly problem: string | null
}
/** What was read of a file from byte `from` on; from 0 it replaces everything known of the file. */
export interface ReadPart {
  readonly file: Omit<IndexedFile, 'id' | 'providers'> & { readonly providers: Providers }
  readonly from: number
  readonly runs: readonly Run[]
}
/** A field of the archive; `block` is the name of the block that last contained it. */
export interface IndexedField {
  readonly id: number
  readonly address: string
  readonly name: string
  readonly type: FieldType
  readonly block: string
}
/** Changes whenever the tables do; an index of another version is rebuilt. */
const VERSION = 5
const OVERVIEW = `first REAL NOT NULL, last REAL NOT NULL, count INTEGER NOT NULL, finite INTEGER NOT NULL,
  low REAL, lowAt REAL, high REAL, highAt REAL, mean REAL, text TEXT`
const TABLES = `
CREATE TABLE files (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, inode INTEGER NOT NULL, size INTEGER NOT NULL,
  mtime REAL NOT NULL, good INTEGER NOT NULL, providers TEXT NOT NULL, problem TEXT);
CREATE TABLE fields (id INTEGER PRIMARY KEY, address TEXT NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL,
  block TEXT NOT NULL, runSpan REAL NOT NULL, fileSpan REAL NOT NULL, UNIQUE (address, name));
CREATE TABLE runs (id INTEGER PRIMARY KEY, file INTEGER NOT NULL, ticks INTEGER NOT NULL, epochs TEXT NOT NULL,
  places BLOB NOT NULL);
CREATE INDEX runs_of_file ON runs (file);
CREATE TABLE run_fields (id INTEGER PRIMARY KEY, field INTEGER NOT NULL, run INTEGER NOT NULL, type TEXT NOT NULL,
  first REAL NOT NULL, last REAL NOT NULL, texts TEXT NOT NULL, sums BLOB NOT NULL);
CREATE INDEX run_fields_by_time ON run_fields (field, first, last);
CREATE INDEX run_fields_of_run ON run_fields (run);
CREATE TABLE file_overviews (field INTEGER, file INTEGER, ${OVERVIEW}, PRIMARY KEY (field, first, file)) WITHOUT ROWID;
CREATE TABLE span_overviews (field INTEGER, span INTEGER, ${OVERVIEW}, PRIMARY KEY (field, span)) WITHOUT ROWID;
CREATE UNIQUE INDEX overviews_of_file ON file_overviews (file, field);
`

/** The path of a data directory's index, in a state folder: never in the data directory itself. */
export function indexPath(folder: string, dataDir: string): string {
  let real = resolve(dataDir)
  try {
    real = realpathSync(real)
  } catch {
    // A missing folder is reported when it is read.
  }
  return join(folder, 'archives', `${createHash('sha256').update(real).digest('hex').slice(0, 16)}.sqlite`)
}

/** The folder of an index for copies of files that are stored elsewhere. */
export function copiesPath(indexFile: string): string {
  return `${indexFile.replace(/\.sqlite$/, '')}.copies`
}

/** Opens an index of this version; one of another version, or a damaged one, is deleted. */
export function openIndex(path: string): Database {
  for (let again = false; ; again = true) {
    const db = new Database(path, { create: true, strict: true })
    try {
      db.run('PRAGMA busy_timeout = 10000')
      db.run('PRAGMA journal_mode = WAL')
      db.run('PRAGMA synchronous = NORMAL')
      const ready = db.transaction(() => {
        const { user_version: found } = db.query('PRAGMA user_version').get() as { user_version: number }
        if (found === VERSION) return true
        if (found !== 0) return false
        db.run(TABLES)
        db.run(`PRAGMA user_version = ${VERSION}`)
        return true
      })
      if (ready.immediate()) return db
      if (again) throw new Error('it has another version')
    } catch (error) {
      db.close()
      const { code = '' } = error as { code?: string }
      if (again || !['SQLITE_NOTADB', 'SQLITE_CORRUPT'].includes(code)) throw error
    }
    db.close()
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true })
  }
}
