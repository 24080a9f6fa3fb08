import type { Database, SQLQueryBindings } from 'bun:sqlite'
import type { FieldType } from '../../core/wire.ts'
import { promote } from './archive-columns.ts'
import type { IndexedField, IndexedFile, ReadPart } from './archive-index-file.ts'
import { combine, type Overview } from './archive-overview.ts'
import { packed, type Run, timesOf, totalOf } from './archive-runs.ts'

/** Seconds of a span: a panel of a year has a pair of points for several spans. */
export const SPAN = 6 * 3600

/** The span of a file: the one that contains its first sample. */
export function spanOf({ first }: Pick<Overview, 'first'>): number {
  return Math.floor(first / SPAN)
}

type FieldRow = IndexedField & { readonly runSpan: number; readonly fileSpan: number }

/**
 * Writes what was read of files into the tables of an index, and keeps the sums over files and spans
 * consistent.
 */
export class IndexWriter {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  /** Adds what was read of a file; false if another process did so first. */
  add({ file, from, runs }: ReadPart): boolean {
    const { path, inode, size, mtime, good, problem } = file
    const known = this.#all<IndexedFile>('SELECT * FROM files WHERE path = ?', path)[0]
    if (from > 0 && (known?.good !== from || known.inode !== inode)) return false
    if (known && from === 0) this.clear(known.id)
    const row = [path, inode, size, mtime, good, JSON.stringify([...file.providers]), problem]
    const { id } = this.#all<{ id: number }>(
      `INSERT INTO files (path, inode, size, mtime, good, providers, problem) VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (path) DO UPDATE SET inode = excluded.inode, size = excluded.size, mtime = excluded.mtime,
        good = excluded.good, providers = excluded.providers, problem = excluded.problem RETURNING id`,
      ...row,
    )[0] as { id: number }
    this.#addRuns(id, runs)
    return true
  }

  /** Removes everything about a file. */
  clear(file: number): void {
    const overviews = this.#all<Overview & { readonly field: number }>(
      'SELECT * FROM file_overviews WHERE file = ?',
      file,
    )
    this.#run('DELETE FROM run_fields WHERE run IN (SELECT id FROM runs WHERE file = ?)', file)
    this.#run('DELETE FROM runs WHERE file = ?', file)
    this.#run('DELETE FROM file_overviews WHERE file = ?', file)
    for (const overview of overviews) this.#sumUp(overview.field, spanOf(overview))
    this.#run('DELETE FROM files WHERE id = ?', file)
  }

  #addRuns(file: number, runs: readonly Run[]): void {
    const totals = new Map<number, Overview>()
    const addRun = this.#db.query('INSERT INTO runs (file, ticks, epochs, places) VALUES (?, ?, ?, ?)')
    const addField = this.#db.query(
      'INSERT INTO run_fields (field, run, type, first, last, texts, sums) VALUES (?, ?, ?, ?, ?, ?, ?)',
    )
    for (const run of runs) {
      const { first, last } = timesOf(run)
      const { lastInsertRowid: id } = addRun.run(
        ...[file, run.ticks, JSON.stringify(run.epochs), packed(run.places)],
      )
      for (const one of run.fields) {
        const { name, type, texts, sums } = one
        const field = this.#field(run, name, type, last - first)
        addField.run(...[field, id, type, first, last, JSON.stringify(texts), packed(sums)])
        const [total, added] = [totals.get(field), totalOf(run, one)]
        totals.set(field, total ? combine(total, added) : added)
      }
    }
    for (const [field, added] of totals) this.#addTotal(file, field, added)
  }

  /** Merges what was added to a file into the file's overview of a field, and that into the span's. */
  #addTotal(file: number, field: number, added: Overview): void {
    const before = this.#all<Overview>(
      'SELECT * FROM file_overviews WHERE file = ? AND field = ?',
      ...[file, field],
    )[0]
    const total = before ? combine(before, added) : added
    if (before)
      this.#run(
        'DELETE FROM file_overviews WHERE field = ? AND first = ? AND file = ?',
        ...[field, before.first, file],
      )
    this.#run(
      'INSERT INTO file_overviews VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      ...[field, file, ...cells(total)],
    )
    this.#run(
      'UPDATE fields SET fileSpan = MAX(fileSpan, ?1) WHERE id = ?2 AND fileSpan < ?1',
      ...[total.last - total.first, field],
    )
    const span = spanOf(total)
    if (before && spanOf(before) !== span) {
      this.#sumUp(field, spanOf(before))
      this.#sumUp(field, span)
      return
    }
    const known = this.#all<Overview>(
      'SELECT * FROM span_overviews WHERE field = ? AND span = ?',
      ...[field, span],
    )[0]
    this.#setSpan(field, span, known ? combine(known, added) : added)
  }

  /** Recomputes the overview of a span from those of its files. */
  #sumUp(field: number, span: number): void {
    const files = this.#all<Overview>(
      'SELECT * FROM file_overviews WHERE field = ?1 AND first >= ?2 AND first < ?3 ORDER BY first',
      ...[field, span * SPAN, (span + 1) * SPAN],
    )
    const [first, ...others] = files
    if (first) this.#setSpan(field, span, others.reduce(combine, first))
    else this.#run('DELETE FROM span_overviews WHERE field = ? AND span = ?', field, span)
  }

  #setSpan(field: number, span: number, overview: Overview): void {
    this.#run(
      'INSERT OR REPLACE INTO span_overviews VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      ...[field, span, ...cells(overview)],
    )
  }

  /** The field of a run that spans some seconds, created or updated. */
  #field({ address, name: block }: Run, name: string, type: FieldType, span: number): number {
    const known = this.#all<FieldRow>('SELECT * FROM fields WHERE address = ? AND name = ?', address, name)[0]
    if (known?.block === block && known.type === promote(known.type, type) && span <= known.runSpan)
      return known.id
    const row = this.#all<FieldRow>(
      `INSERT INTO fields (address, name, type, block, runSpan, fileSpan) VALUES (?, ?, ?, ?, ?, 0)
        ON CONFLICT (address, name) DO UPDATE SET type = excluded.type, block = excluded.block,
        runSpan = MAX(runSpan, excluded.runSpan) RETURNING *`,
      ...[address, name, known ? promote(known.type, type) : type, block, span],
    )[0] as FieldRow
    return row.id
  }

  #all<Row>(sql: string, ...given: SQLQueryBindings[]): Row[] {
    return this.#db.query(sql).all(...given) as Row[]
  }

  #run(sql: string, ...given: SQLQueryBindings[]): void {
    this.#db.query(sql).run(...given)
  }
}

function cells(overview: Overview): SQLQueryBindings[] {
  const { first, last, count, finite, low, lowAt, high, highAt, mean, text } = overview
  return [first, last, count, finite, low, lowAt, high, highAt, mean, text]
}
