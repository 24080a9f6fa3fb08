import type { Database, SQLQueryBindings } from 'bun:sqlite'
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { ConfigError, messageOf } from '../../core/errors.ts'
import type { FieldType } from '../../core/wire.ts'
import { promote } from './archive-columns.ts'
import { openIndex } from './archive-index-file.ts'
import { combine, type Overview, type Providers, type ScannedBlock } from './archive-scan.ts'

/** A file as it was when it was last read. `good`: bytes of whole frames from its beginning; `problem`: why no more. */
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
/** What was read of a file from byte `from` on; from 0 it replaces all that was known of it. */
export interface ReadPart {
  readonly file: Omit<IndexedFile, 'id' | 'providers'> & { readonly providers: Providers }
  readonly from: number
  readonly blocks: readonly ScannedBlock[]
}
/** A field of the archive; `block` is the name of the block that had it last. */
export interface IndexedField {
  readonly id: number
  readonly address: string
  readonly name: string
  readonly type: FieldType
  readonly block: string
}
/** Fields met in a change, by the address of their feed, then by block and name. */
type Seen = Map<string, Map<string, FieldRow>>
type FieldRow = IndexedField & { readonly blockSpan: number }
/** Where a block lies. */
export interface BlockPlace {
  readonly id: number
  readonly path: string
  readonly offset: number
  readonly length: number
  readonly digest: number
  readonly position: number
  /** Of a recorder of ours: the epoch, and the rows that its frame accounts for, by seq. */
  readonly epoch: string | null
  readonly firstRow: number | null
  readonly lastRow: number | null
  readonly first: number
  readonly last: number
  readonly count: number
}
/** An overview of a field over files that begin within one span of time, over a file, or over a block and where that lies. */
export type SpanOverview = Overview & { readonly span: number }
export type FileOverview = Overview & { readonly file: number }
export type BlockOverview = FileOverview & BlockPlace

/** Seconds of a span: a panel of a year has a pair of points for several of them. */
export const SPAN = 6 * 3600

/**
 * What lies where in a tree of `.g3` files, in an SQLite file that can be thrown away: a scan makes it anew. Processes may
 * share it.
 */
export class ArchiveIndex implements Disposable {
  readonly #db: Database

  /** Opens or makes an index; without a path it is in memory. @throws ConfigError when it cannot be made */
  constructor(path = ':memory:') {
    try {
      if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true })
      this.#db = openIndex(path)
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
   * Adds what was read of files, all at once: a commit each would take longer than the reading.
   * @returns of how many; where another process was first nothing is changed
   */
  add(parts: readonly ReadPart[]): number {
    return this.#db.transaction(() => parts.filter((part) => this.#add(part)).length).immediate()
  }

  /** Forgets a file. */
  remove({ id }: IndexedFile): void {
    this.#db.transaction(() => this.#clear(id)).immediate()
  }

  /** The fields with data between two times (unix s). */
  fields(start: number, end: number): IndexedField[] {
    return this.#all<IndexedField>(
      `SELECT id, address, name, type, block FROM fields f WHERE EXISTS (SELECT 1 FROM block_overviews o
        WHERE o.field = f.id AND o.first BETWEEN ?1 - f.blockSpan AND ?2 AND o.last >= ?1) ORDER BY address, name`,
      start,
      end,
    )
  }

  /** What a field comes to in each span of files that has it between two times. */
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
    return this.#all<BlockOverview>(
      `SELECT o.*, b.id, path, offset, length, digest, position, epoch, firstRow, lastRow FROM fields f
        JOIN block_overviews o ON o.field = f.id JOIN blocks b ON b.id = o.block JOIN files ON files.id = o.file
        WHERE f.id = ?1 AND o.first BETWEEN ?2 - f.blockSpan AND ?3 AND o.last >= ?2 ORDER BY o.first`,
      ...[field, start, end],
    )
  }

  /** The newest block of a field. */
  newest(field: number): Pick<Overview, 'first' | 'last' | 'count'> | undefined {
    return this.#all<Overview>(
      'SELECT first, last, count FROM block_overviews WHERE field = ? ORDER BY first DESC LIMIT 1',
      field,
    )[0]
  }

  [Symbol.dispose](): void {
    this.#db.close()
  }

  #add({ file, from, blocks }: ReadPart): boolean {
    const { path, inode, size, mtime, good, problem } = file
    const known = this.#all<IndexedFile>('SELECT * FROM files WHERE path = ?', path)[0]
    if (from > 0 && (known?.good !== from || known.inode !== inode)) return false
    if (known && from === 0) this.#clear(known.id)
    const row = [path, inode, size, mtime, good, JSON.stringify([...file.providers]), problem]
    const { id } = this.#all<{ id: number }>(
      `INSERT INTO files (path, inode, size, mtime, good, providers, problem) VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (path) DO UPDATE SET inode = excluded.inode, size = excluded.size, mtime = excluded.mtime,
        good = excluded.good, providers = excluded.providers, problem = excluded.problem RETURNING id`,
      ...row,
    )[0] as { id: number }
    this.#addBlocks(id, blocks)
    return true
  }

  #addBlocks(file: number, blocks: readonly ScannedBlock[]): void {
    const totals = new Map<number, Overview>()
    const seen: Seen = new Map()
    const addBlock = this.#db.query(
      `INSERT INTO blocks (file, offset, length, digest, position, epoch, firstRow, lastRow, first, last, count)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    const addOverview = this.#db.query(
      'INSERT INTO block_overviews VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    )
    for (const block of blocks) {
      const { offset, length, digest, position, epoch, firstRow, lastRow, first, last, count } = block
      const place = [offset, length, digest, position, epoch, firstRow, lastRow, first, last, count] as const
      const { lastInsertRowid: id } = addBlock.run(file, ...place)
      for (const [name, { type, overview }] of block.fields) {
        const field = this.#field(block, name, type, seen)
        addOverview.run(field, id, file, ...cells(overview))
        const total = totals.get(field)
        totals.set(field, total ? combine(total, overview) : overview)
      }
    }
    for (const [field, added] of totals) this.#addTotal(file, field, added)
  }

  /** Joins what was added to a file with what it had of a field, and its span with that. */
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

  /** Makes the overview of a span anew from those of its files. */
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

  /** The field of a block, made or brought up to date; `seen` are those of this change, by block and name. */
  #field(block: ScannedBlock, name: string, type: FieldType, seen: Seen): number {
    const span = block.last - block.first
    const key = `${block.name} ${name}`
    const ofFeed = seen.get(block.address) ?? new Map<string, FieldRow>()
    seen.set(block.address, ofFeed)
    const found = ofFeed.get(key)
    if (found?.type === type && span <= found.blockSpan) return found.id
    const known = this.#all<FieldRow>(
      'SELECT * FROM fields WHERE address = ? AND name = ?',
      ...[block.address, name],
    )[0]
    const row = this.#all<FieldRow>(
      `INSERT INTO fields (address, name, type, block, blockSpan, fileSpan) VALUES (?, ?, ?, ?, ?, 0)
        ON CONFLICT (address, name) DO UPDATE SET type = excluded.type, block = excluded.block,
        blockSpan = MAX(blockSpan, excluded.blockSpan) RETURNING *`,
      ...[block.address, name, known ? promote(known.type, type) : type, block.name, span],
    )[0] as FieldRow
    ofFeed.set(key, row)
    return row.id
  }

  #clear(file: number): void {
    const spans = this.#all<Overview & { readonly field: number }>(
      'SELECT * FROM file_overviews WHERE file = ?',
      file,
    )
    this.#run(
      `DELETE FROM block_overviews WHERE (field, first, block) IN (SELECT o.field, o.first, o.block
        FROM file_overviews f JOIN block_overviews o ON o.field = f.field AND o.first BETWEEN f.first AND f.last
        WHERE f.file = ?1 AND o.file = ?1)`,
      file,
    )
    this.#run('DELETE FROM file_overviews WHERE file = ?', file)
    for (const overview of spans) this.#sumUp(overview.field, spanOf(overview))
    this.#run('DELETE FROM blocks WHERE file = ?', file)
    this.#run('DELETE FROM files WHERE id = ?', file)
  }

  #all<Row>(sql: string, ...given: SQLQueryBindings[]): Row[] {
    return this.#db.query(sql).all(...given) as Row[]
  }

  #run(sql: string, ...given: SQLQueryBindings[]): void {
    this.#db.query(sql).run(...given)
  }
}

/** The span of a file: that which its first sample lies in. */
export function spanOf({ first }: Pick<Overview, 'first'>): number {
  return Math.floor(first / SPAN)
}

function cells(overview: Overview): SQLQueryBindings[] {
  const { first, last, count, finite, low, lowAt, high, highAt, mean, text } = overview
  return [first, last, count, finite, low, lowAt, high, highAt, mean, text]
}
