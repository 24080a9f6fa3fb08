import { stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { counted } from '../../core/counted.ts'
import { ConfigError, messageOf, TransportError } from '../../core/errors.ts'
import { Elsewhere } from '../elsewhere/elsewhere.ts'
import type { Copy } from '../elsewhere/manifest.ts'
import { choose } from './archive-choice.ts'
import { type Column, joiner, within } from './archive-columns.ts'
import { isCompressed } from './archive-file.ts'
import { ArchiveIndex } from './archive-index.ts'
import { copiesPath, type IndexedField, type IndexedFile, type ReadPart } from './archive-index-file.ts'
import { loadBlocks, type Wanted } from './archive-load.ts'
import { once, type Placed } from './archive-once.ts'
import type { Overview } from './archive-overview.ts'
import { partOf } from './archive-part.ts'
import type { Providers } from './archive-scan.ts'
import { filesBeneath, isLink } from './archive-tree.ts'
import { FieldNotes, type FieldView, type OfUnit } from './archive-units.ts'

/** A field and its label for requests. */
export interface ArchiveField extends FieldView {
  /** `instance.feed.field` from a feed's address, or the provider's description and the field. */
  readonly label: string
}
/** A file that is not served to its end. */
export interface BadFile {
  /** Path in the data directory. */
  readonly path: string
  readonly size: number
  readonly goodBytes: number
  /** When it was last written, unix ms: a file still being written has an unfinished end, too. */
  readonly mtime: number
  readonly reason: string
}

export interface ReadOptions {
  readonly maxPoints?: number | undefined
  readonly exact?: boolean
  readonly missing?: (why: string) => void
}

/** Points that represent unread samples belong to no rows. */
const NO_ROWS = { epoch: null, firstRow: null, lastRow: null }
/** Runs of fields written to the index at once; more would block everything else. */
const AT_ONCE = 1000

/**
 * A tree of `.g3` housekeeping files, ours or written by so3g, in any folders. Reads go through an index,
 * which `rescan` updates. Nothing in the tree is changed. Files in a store elsewhere are fetched only for
 * what the index lacks.
 */
export class Archive implements Disposable {
  readonly #dir: string
  readonly #index: ArchiveIndex
  readonly #notes: FieldNotes
  readonly #elsewhere: Elsewhere
  #unreadable: BadFile[] = []
  /** Files that are stored elsewhere and not yet in the index. */
  #waiting: Copy[] = []

  /**
   * @param indexFile in memory if absent; copies of files stored elsewhere are kept beside it
   * @param env where the credentials for stores are found
   * @throws ConfigError if the index cannot be created
   */
  constructor(dir: string, indexFile?: string, env?: Readonly<Record<string, string | undefined>>) {
    this.#dir = dir
    this.#index = new ArchiveIndex(indexFile)
    this.#notes = new FieldNotes(dir)
    const beside = indexFile ?? join(tmpdir(), `ocs-${crypto.randomUUID()}`)
    this.#elsewhere = new Elsewhere(dir, copiesPath(beside), env)
  }

  /**
   * Updates the index from the tree: reads new files, new bytes of files that grew, and replaced files, and
   * removes files that are gone. Files stored elsewhere are fetched once, unless the index has them.
   * @param fetches maximum number of such files to fetch; the others wait for the next call
   * @returns the number of files with new content
   * @throws ConfigError if the data directory cannot be read
   */
  async rescan(
    signal?: AbortSignal,
    progress?: (done: number, files: number) => void,
    fetches = Infinity,
  ): Promise<number> {
    const known = new Map(this.#index.files().map((file) => [file.path, file]))
    this.#unreadable = []
    this.#notes.refresh()
    const paths = await filesBeneath(this.#dir, (path, reason) =>
      this.#unreadable.push({ path, size: 0, goodBytes: 0, mtime: 0, reason }),
    )
    const here: string[] = []
    let changed = 0
    let parts: ReadPart[] = []
    const keep = (most: number) => {
      if (parts.reduce((sum, part) => sum + sizeOf(part), 0) < most) return
      changed += this.#index.add(parts)
      parts = []
    }
    for (const [i, path] of paths.entries()) {
      if (signal?.aborted) break
      progress?.(i, paths.length)
      try {
        const part = await this.#read(path, known.get(path))
        if (part) parts.push(part)
        known.delete(path)
        here.push(path)
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        if (code === undefined || error instanceof ConfigError) throw error
        // If the file is gone, it stays among the known ones and is removed below.
        if (code === 'ENOENT' && !(await isLink(join(this.#dir, path)))) continue
        const file = known.get(path)
        known.delete(path)
        here.push(path)
        const { size = 0, good = 0, mtime = 0 } = file ?? {}
        this.#unreadable.push({ path, size, goodBytes: good, mtime, reason: messageOf(error) })
      }
      keep(AT_ONCE)
    }
    keep(1)
    if (signal?.aborted) return changed
    // Listed after the files, so that a file moved in the meantime is found in the store.
    const away = this.#elsewhere.refresh().away(here)
    this.#waiting = away.filter(({ file, size }) => known.get(file)?.size !== size)
    const wanted = this.#waiting.slice(0, fetches)
    for (const [i, copy] of wanted.entries()) {
      if (signal?.aborted) return changed
      progress?.(paths.length + i, paths.length + wanted.length)
      const part = await this.#readElsewhere(copy, signal)
      if (!part) continue
      changed += this.#index.add([part])
      this.#waiting = this.#waiting.filter((one) => one !== copy)
    }
    for (const { file } of away) known.delete(file)
    if (signal) await this.#elsewhere.retry(signal)
    if (signal?.aborted) return changed
    for (const gone of known.values()) this.#index.remove(gone)
    progress?.(paths.length, paths.length)
    return changed + known.size
  }

  /** Files that are not served to their end. */
  problems(): BadFile[] {
    const bad = this.#index.files().flatMap(({ path, size, mtime, good, problem }) => {
      return problem === null ? [] : [{ path, size, mtime, goodBytes: good, reason: problem }]
    })
    return [...this.#unreadable, ...bad]
  }

  /**
   * A message about files stored elsewhere that could not be read when wanted; undefined if there are none.
   */
  get unreached(): string | undefined {
    const { unreached } = this.#elsewhere
    const [[, first] = []] = unreached
    if (!first) return undefined
    const more = unreached.size > 1 ? `; the same for ${counted(unreached.size - 1, 'more file')}` : ''
    return `${first.message}${more}`
  }

  /**
   * @throws TransportError if part of what was read is missing because it is stored elsewhere and could not
   * be fetched
   */
  assertReached(): void {
    const { unreached } = this
    if (unreached !== undefined) throw new TransportError(`some files were not read: ${unreached}`)
  }

  /** The fields with data between two times (unix s). */
  fields(start = -Infinity, end = Infinity): ArchiveField[] {
    const fields = this.#index
      .fields(start, end)
      .flatMap((field) => this.#notes.views(field, start, end))
      .map((field) => ({ ...field, label: labelOf(field) }))
    const shared = new Map<string, number>()
    for (const { label } of fields) shared.set(label, (shared.get(label) ?? 0) + 1)
    return fields.map((field) =>
      shared.get(field.label) === 1 ? field : { ...field, label: sourceOf(field) },
    )
  }

  /**
   * The time of a field's newest sample (unix s) and the usual interval between two (s); null if there are
   * none.
   */
  newest({ id }: IndexedField): { readonly last: number | null; readonly interval: number | null } {
    const block = this.#index.newest(id)
    if (!block) return { last: null, interval: null }
    const { first, last, count } = block
    return { last, interval: count > 1 ? (last - first) / (count - 1) : null }
  }

  /** Overviews of a field's samples between two times, one per file, from the index alone. */
  overview({ id }: IndexedField, start = -Infinity, end = Infinity): Overview[] {
    return this.#index.fileOverviews(id, start, end)
  }

  /**
   * The samples of fields with `start` ≤ t ≤ `end` (unix s), one column per field in the given order; blocks
   * and rows that are stored in two files, as after copying, count once.
   * @param maxPoints how many samples are enough: a block or file that is shorter than the interval between
   * two pairs of points gives only its lowest and highest sample, from the index. There may still be more
   * than requested.
   * @param exact whether columns have `ticks`
   * @param missing called for each file that is stored elsewhere and could not be read, if it may have
   * samples in this time
   */
  async read(
    fields: readonly OfUnit[],
    start: number,
    end: number,
    { maxPoints, exact, missing }: ReadOptions = {},
  ): Promise<Column[]> {
    const columns = fields.map((): Placed[] => [])
    const thinned = new Set<number>()
    const wanted = new Map<number, Wanted>()
    for (const [i, field] of fields.entries()) {
      const { blocks, points } = choose(this.#index, field, start, end, maxPoints)
      if (points.length > 0) thinned.add(i)
      for (const point of points) columns[i]?.push({ order: point.t[0] ?? 0, chunk: point, ...NO_ROWS })
      for (const { place, column } of blocks) {
        const known = wanted.get(place.id)
        if (known) known.columns.push([i, column])
        else wanted.set(place.id, { place, columns: [[i, column]] })
      }
    }
    this.#elsewhere.refresh()
    for (const { file } of this.#waiting)
      if (mayHave(file, start, end))
        missing?.(
          this.#elsewhere.unreached.get(file)?.message ?? `${file} is stored elsewhere and not read yet`,
        )
    const copyOf = (path: string) => this.#copyOf(path, missing)
    for await (const taken of loadBlocks(this.#dir, copyOf, wanted.values(), exact))
      for (const [{ epoch, firstRow, lastRow, first: order }, chunks] of taken)
        for (const [i, chunk] of chunks) columns[i]?.push({ order, chunk, epoch, firstRow, lastRow })
    const join = joiner(start, end, exact)
    return fields.map(({ type, spans }, i) => {
      const placed = once(columns[i] ?? []).sort((a, b) => a.order - b.order)
      const chunks = placed.map(({ chunk }) => chunk)
      const column = { ...join(type, chunks), ...(thinned.has(i) && { thinned: true }) }
      return spans ? within(column, spans) : column
    })
  }

  [Symbol.dispose](): void {
    this.#index[Symbol.dispose]()
  }

  /** Reads the part of a file that is not in the index; undefined if there is nothing new. */
  async #read(path: string, known: IndexedFile | undefined): Promise<ReadPart | undefined> {
    const { size, mtimeMs: mtime, ino: inode } = await stat(join(this.#dir, path))
    const same = known?.inode === inode
    if (same && known.size === size && known.mtime === mtime) return undefined
    // A file that was written without growing has been replaced.
    const grows = same && size > known.size && !isCompressed(path)
    const from = grows ? known.good : 0
    const providers: Providers = new Map(
      from > 0 ? (JSON.parse(known?.providers ?? '[]') as [number, string][]) : [],
    )
    return await partOf(join(this.#dir, path), { path, inode, size, mtime }, from, providers)
  }

  /** Reads a whole file that is stored elsewhere; undefined if it cannot be read. */
  async #readElsewhere(
    { file: path, size, mtime }: Copy,
    signal?: AbortSignal,
  ): Promise<ReadPart | undefined> {
    try {
      const copy = await this.#elsewhere.copy(path, signal)
      return copy === undefined ? undefined : await partOf(copy, { path, inode: 0, size, mtime })
    } catch (error) {
      if (signal?.aborted) return undefined
      if (!(error instanceof TransportError)) throw error
      this.#unreadable.push({ path, size, goodBytes: 0, mtime, reason: messageOf(error) })
      return undefined
    }
  }

  /** A copy of a file that is stored elsewhere; undefined if none can be fetched. */
  async #copyOf(path: string, missing: ReadOptions['missing']): Promise<string | undefined> {
    try {
      return await this.#elsewhere.copy(path)
    } catch (error) {
      if (!(error instanceof TransportError)) throw error
      missing?.(error.message)
      return undefined
    }
  }
}

/**
 * Whether a file may have samples in a span of time, judged by its name: so3g finds data up to two hours
 * after it.
 */
function mayHave(file: string, start: number, end: number): boolean {
  const name = Number(/(\d+)\.g3/.exec(file)?.[1])
  return name - 60 <= end && name + 7200 >= start
}

/** The source name of a recorded field, which all consumers use. */
export function sourceOf({ address, shown }: Pick<FieldView, 'address' | 'shown'>): string {
  return `${address}.${shown}`
}

/** The approximate number of index rows it takes. */
function sizeOf({ runs }: ReadPart): number {
  return runs.reduce((sum, { fields }) => sum + 1 + fields.length, 1)
}

function labelOf({ address, shown: name }: FieldView): string {
  const [, instance, feed] = /([^.]+)\.feeds\.([^.]+)$/.exec(address) ?? []
  return instance === undefined ? `${address}.${name}` : `${instance}.${feed}.${name}`
}
