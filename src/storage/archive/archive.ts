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

/** A field and how to ask for it. */
export interface ArchiveField extends FieldView {
  /** `instance.feed.field` of a feed's address, else the provider's description and the field. */
  readonly label: string
}
/** A file that is not served to its end. */
export interface BadFile {
  /** In the data directory. */
  readonly path: string
  readonly size: number
  readonly goodBytes: number
  /** When it was last written, unix ms: one that is being written has an unfinished end, too. */
  readonly mtime: number
  readonly reason: string
}

export interface ReadOptions {
  readonly maxPoints?: number | undefined
  readonly exact?: boolean
  readonly missing?: (why: string) => void
}

/** What stands for samples that are not read is of no rows. */
const NO_ROWS = { epoch: null, firstRow: null, lastRow: null }
/** Runs of fields that are written to the index at once; more would keep all else waiting. */
const AT_ONCE = 1000

/**
 * A tree of `.g3` housekeeping files, ours or written by so3g, in any folders. Reads go through an index; `rescan` brings
 * it up to date. Nothing in the tree is changed. Files in a store elsewhere are fetched only for what the index lacks.
 */
export class Archive implements Disposable {
  readonly #dir: string
  readonly #index: ArchiveIndex
  readonly #notes: FieldNotes
  readonly #elsewhere: Elsewhere
  #unreadable: BadFile[] = []
  /** Files that lie elsewhere and are not in the index yet. */
  #waiting: Copy[] = []

  /**
   * @param indexFile in memory when absent; copies of what lies elsewhere are kept beside it
   * @param env where credentials for that are
   * @throws ConfigError when the index cannot be made
   */
  constructor(dir: string, indexFile?: string, env?: Readonly<Record<string, string | undefined>>) {
    this.#dir = dir
    this.#index = new ArchiveIndex(indexFile)
    this.#notes = new FieldNotes(dir)
    const beside = indexFile ?? join(tmpdir(), `ocs-${crypto.randomUUID()}`)
    this.#elsewhere = new Elsewhere(dir, copiesPath(beside), env)
  }

  /**
   * Reads what is new in the tree since the last time, kept in the index: new files, what files grew by, and replaced
   * files; forgets those that are gone. What lies elsewhere is fetched once where the index does not have it.
   * @param fetches of how many such files at most; others wait for the next time
   * @returns how many files had something new
   * @throws ConfigError when the data directory cannot be read
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
        // One that is gone stays among the known, and is forgotten below.
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
    // After the files, so that one that is moved meanwhile is found to be.
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

  /** Files that lie elsewhere and could not be read there when they were wanted, in words; undefined when there are none. */
  get unreached(): string | undefined {
    const { unreached } = this.#elsewhere
    const [[, first] = []] = unreached
    if (!first) return undefined
    const more = unreached.size > 1 ? `; the same for ${counted(unreached.size - 1, 'more file')}` : ''
    return `${first.message}${more}`
  }

  /** @throws TransportError when something that was read is missing, because it is stored elsewhere and could not be fetched */
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

  /** The time of a field's newest sample (unix s) and the usual time between two (s); null when there are none. */
  newest({ id }: IndexedField): { readonly last: number | null; readonly interval: number | null } {
    const block = this.#index.newest(id)
    if (!block) return { last: null, interval: null }
    const { first, last, count } = block
    return { last, interval: count > 1 ? (last - first) / (count - 1) : null }
  }

  /** What the samples of a field between two times come to, file by file, from the index alone. */
  overview({ id }: IndexedField, start = -Infinity, end = Infinity): Overview[] {
    return this.#index.fileOverviews(id, start, end)
  }

  /**
   * The samples of fields with `start` ≤ t ≤ `end` (unix s), a column for each field in their order; blocks and rows that
   * lie in two files, as after copying, count once.
   * @param maxPoints when that many samples are enough: where a block or file is shorter than the time between two
   * pairs of them, only its lowest and highest sample, from the index. There may still be more than asked for.
   * @param exact whether columns have `ticks`
   * @param missing told of each file that lies elsewhere and could not be read, though it may have samples of then
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

  /** Reads what a file has that is not in the index; undefined where there is nothing new. */
  async #read(path: string, known: IndexedFile | undefined): Promise<ReadPart | undefined> {
    const { size, mtimeMs: mtime, ino: inode } = await stat(join(this.#dir, path))
    const same = known?.inode === inode
    if (same && known.size === size && known.mtime === mtime) return undefined
    // A file that has not grown but was written is another one.
    const grows = same && size > known.size && !isCompressed(path)
    const from = grows ? known.good : 0
    const providers: Providers = new Map(
      from > 0 ? (JSON.parse(known?.providers ?? '[]') as [number, string][]) : [],
    )
    return await partOf(join(this.#dir, path), { path, inode, size, mtime }, from, providers)
  }

  /** Reads a whole file that lies elsewhere; undefined where that cannot be. */
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

  /** A copy of a file that lies elsewhere; undefined where there is none to be had. */
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

/** Whether a file may have samples of a span of time, by its name: so3g finds data no later than two hours behind it. */
function mayHave(file: string, start: number, end: number): boolean {
  const name = Number(/(\d+)\.g3/.exec(file)?.[1])
  return name - 60 <= end && name + 7200 >= start
}

/** Where a field is recorded, by which everybody finds it. */
export function sourceOf({ address, shown }: Pick<FieldView, 'address' | 'shown'>): string {
  return `${address}.${shown}`
}

/** How many rows of the index it takes, about. */
function sizeOf({ runs }: ReadPart): number {
  return runs.reduce((sum, { fields }) => sum + 1 + fields.length, 1)
}

function labelOf({ address, shown: name }: FieldView): string {
  const [, instance, feed] = /([^.]+)\.feeds\.([^.]+)$/.exec(address) ?? []
  return instance === undefined ? `${address}.${name}` : `${instance}.${feed}.${name}`
}
