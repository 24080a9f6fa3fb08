import type { Database, SQLQueryBindings } from 'bun:sqlite'
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { ConfigError, messageOf } from '../../core/errors.ts'
import { type IndexedField, type IndexedFile, openIndex, type ReadPart } from './archive-index-file.ts'
import { IndexWriter, SPAN } from './archive-index-writer.ts'
import type { Overview } from './archive-overview.ts'
import { type BlockOverview, blocksBetween, type PackedRun } from './archive-runs.ts'

/** An overview of a field over one file, or over the files that begin within one span of time. */
export type SpanOverview = Overview & { readonly span: number }
export type FileOverview = Overview & { readonly file: number }

/**
 * An index of a tree of `.g3` files, in an SQLite file that can be deleted: a scan rebuilds it. Processes may
 * share it.
 */
export class ArchiveIndex implements Disposable {
  readonly #db: Database
  readonly #writer: IndexWriter

  /**
   * Opens or creates an index; without a path it is in memory. @throws ConfigError if it cannot be created
   */
  constructor(path = ':memory:') {
    try {
      if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true })
      this.#db = openIndex(path)
      this.#writer = new IndexWriter(this.#db)
    } catch (cause) {
      throw new ConfigError(`the index ${path} cannot be made: ${messageOf(cause)}: check the folder`, {
        cause,
      })
    }
  }

  files(): IndexedFile[] {
    return this.#all<IndexedFile>('SELECT * FROM files ORDER BY path')
  }

  /**
   * Adds what was read of files, in one transaction: a commit for each file would take longer than the
   * reading.
   * @returns for how many files; nothing is changed for a file that another process added first
   */
  add(parts: readonly ReadPart[]): number {
    return this.#db.transaction(() => parts.filter((part) => this.#writer.add(part)).length).immediate()
  }

  /** Removes a file. */
  remove({ id }: IndexedFile): void {
    this.#db.transaction(() => this.#writer.clear(id)).immediate()
  }

  /** The fields with data between two times (unix s). */
  fields(start: number, end: number): IndexedField[] {
    const about = this.#all<IndexedField & { readonly sure: number; readonly perhaps: number }>(
      `SELECT id, address, name, type, block, EXISTS (SELECT 1 FROM run_fields r WHERE r.field = f.id
        AND r.first BETWEEN ?1 - f.runSpan AND ?2 AND r.last >= ?1 AND (r.first >= ?1 OR r.last <= ?2)) AS sure,
        EXISTS (SELECT 1 FROM run_fields r WHERE r.field = f.id
        AND r.first BETWEEN ?1 - f.runSpan AND ?1 AND r.last > ?2) AS perhaps FROM fields f ORDER BY address, name`,
      ...[start, end],
    )
    return about.flatMap(({ sure, perhaps, ...field }) =>
      sure || (perhaps && this.blockOverviews(field.id, start, end).length > 0) ? [field] : [],
    )
  }

  /** The overviews of a field between two times, for each span of files that has it. */
  spanOverviews(field: number, start: number, end: number): SpanOverview[] {
    return this.#all<SpanOverview>(
      `SELECT o.* FROM fields f JOIN span_overviews o ON o.field = f.id WHERE f.id = ?1
        AND o.span BETWEEN (?2 - f.fileSpan) / ${SPAN} - 1 AND ?3 / ${SPAN} AND o.first <= ?3 AND o.last >= ?2
        ORDER BY o.span`,
      ...[field, start, end],
    )
  }

  /** The same for each file. */
  fileOverviews(field: number, start: number, end: number): FileOverview[] {
    return this.#all<FileOverview>(
      `SELECT o.* FROM fields f JOIN file_overviews o ON o.field = f.id WHERE f.id = ?1
        AND o.first BETWEEN ?2 - f.fileSpan AND ?3 AND o.last >= ?2 ORDER BY o.first`,
      ...[field, start, end],
    )
  }

  /** The same for each block, and where that lies. */
  blockOverviews(field: number, start: number, end: number): BlockOverview[] {
    const runs = this.#all<PackedRun>(
      `SELECT run, file, path, ticks, epochs, places, r.type, texts, sums FROM fields f
        JOIN run_fields r ON r.field = f.id JOIN runs ON runs.id = r.run JOIN files ON files.id = file
        WHERE f.id = ?1 AND r.first BETWEEN ?2 - f.runSpan AND ?3 AND r.last >= ?2`,
      ...[field, start, end],
    )
    return runs.flatMap((run) => blocksBetween(run, start, end)).sort((a, b) => a.first - b.first)
  }

  /** The newest block of a field. */
  newest(field: number): Pick<Overview, 'first' | 'last' | 'count'> | undefined {
    const [run] = this.#all<{ first: number }>(
      'SELECT first FROM run_fields WHERE field = ? ORDER BY first DESC LIMIT 1',
      field,
    )
    return run && this.blockOverviews(field, run.first, Infinity).at(-1)
  }

  [Symbol.dispose](): void {
    this.#db.close()
  }

  #all<Row>(sql: string, ...given: SQLQueryBindings[]): Row[] {
    return this.#db.query(sql).all(...given) as Row[]
  }
}
