import { join } from 'node:path'
import { z } from 'zod'
import { jsonLines } from '../../core/recording/json-lines.ts'
import { MANIFEST, type Manifest, readManifest, unpacked } from '../elsewhere/manifest.ts'
import type { Disk } from './disk.ts'
import { ownPath } from './own-folder.ts'
import { count, type Span, union, without } from './spans.ts'

/** A file that is no longer written, and its rows: spans by `instance/feed/epoch`. */
const ClosedFile = z.object({
  /** Path in the data directory. */
  file: z.string(),
  generation: z.int(),
  rows: z.record(z.string(), z.array(z.tuple([z.int(), z.int()]))),
  /** It was taken away during writing: its rows are fetched again in any case. */
  displaced: z.literal(true).optional(),
})
export type ClosedFile = z.output<typeof ClosedFile>
/** A file was found to be gone (unix s), which is reported once. */
const Missing = z.object({ file: z.string(), missing: z.number() })
const Line = z.union([ClosedFile, Missing])

const listPath = (dir: string) => ownPath(dir, 'files.jsonl')
/** Number of files looked for at a time. */
const AT_ONCE = 16

/** Rows by `instance/feed/epoch`. */
export type RowsByEpoch = Map<string, Span[]>

/**
 * The closed files of a data directory, one line of JSON each. It serves for files that have been moved away
 * or lost; for files that are present their own content counts.
 */
export class FileList {
  readonly #disk: Disk
  readonly #dir: string
  /** Whether the file is known to be gone, by path. */
  readonly #files: Map<string, boolean>
  /** Paths of files that are stored elsewhere. */
  readonly #elsewhere: ReadonlySet<string>
  /** Lines are appended one after the other. */
  #last: Promise<void> = Promise.resolve()

  private constructor(disk: Disk, dir: string, files: Map<string, boolean>, elsewhere: Iterable<string>) {
    this.#disk = disk
    this.#dir = dir
    this.#files = files
    this.#elsewhere = new Set(elsewhere)
  }

  static async open(disk: Disk, dir: string): Promise<FileList> {
    const files = new Map<string, boolean>()
    for (const line of await lines(disk, dir))
      files.set(line.file, 'missing' in line || line.displaced === true)
    return new FileList(disk, dir, files, (await manifestOf(disk, dir)).keys())
  }

  /** Whether a file of that name is listed. */
  has(file: string): boolean {
    return this.#files.has(file) || this.#elsewhere.has(file)
  }

  /** Adds a closed file; if that fails, the only consequence is that its loss would go unnoticed. */
  async add(file: ClosedFile): Promise<void> {
    // A file taken away during writing has been reported already.
    this.#files.set(file.file, file.displaced === true)
    await this.#append(file).catch(() => {})
  }

  /** Files that are gone and were not known to be; without files stored elsewhere. */
  async newlyGone(): Promise<string[]> {
    const known = [...this.#files].filter(([, missing]) => !missing).map(([file]) => file)
    const { gone } = await absent(this.#disk, this.#dir, known)
    for (const file of gone) {
      this.#files.set(file, true)
      await this.#append({ file, missing: Date.now() / 1000 }).catch(() => {})
    }
    return gone
  }

  #append(line: z.input<typeof Line>): Promise<void> {
    const next = this.#last.then(() => append(this.#disk, listPath(this.#dir), JSON.stringify(line)))
    this.#last = next.catch(() => {})
    return next
  }
}

/** The manifest of files stored elsewhere. */
export async function manifestOf(disk: Disk, dir: string): Promise<Manifest> {
  return readManifest(await textOf(disk, join(dir, MANIFEST)))
}

/** The closed files in a data directory's list; a file's latest line counts. */
export async function closedFiles(disk: Disk, dir: string): Promise<ClosedFile[]> {
  const files = new Map<string, ClosedFile>()
  for (const line of await lines(disk, dir)) if ('rows' in line) files.set(line.file, line)
  return [...files.values()]
}

/** Which of the files are not in a data directory, not even compressed: they are elsewhere, or gone. */
async function absent(disk: Disk, dir: string, files: Iterable<string>) {
  const queue = [...files].reverse()
  const away: string[] = []
  const look = async () => {
    for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
      const there = (await disk.stat(join(dir, file))) ?? (await disk.stat(join(dir, `${file}.gz`)))
      if (!there) away.push(file)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, look))
  const manifest: Manifest = away.length > 0 ? await manifestOf(disk, dir) : new Map()
  const isMoved = (file: string) => manifest.has(unpacked(file))
  return { gone: away.filter((file) => !isMoved(file)).sort(), elsewhere: away.filter(isMoved) }
}

/** The rows of files. */
function rowsOf(files: Iterable<ClosedFile>): RowsByEpoch {
  const all: RowsByEpoch = new Map()
  for (const { rows } of files)
    for (const [epoch, spans] of Object.entries(rows)) {
      const before = all.get(epoch) ?? []
      all.set(epoch, union([...before, ...spans.map(([first, last]) => ({ first, last }))]))
    }
  return all
}

/** The rows of files that are gone which are in no other file. */
export function lostRows(gone: Iterable<ClosedFile>, there: Iterable<ClosedFile>): RowsByEpoch {
  const present = rowsOf(there)
  const lost: RowsByEpoch = new Map()
  for (const [epoch, spans] of rowsOf(gone)) {
    const left = without(spans, present.get(epoch) ?? [])
    if (left.length > 0) lost.set(epoch, left)
  }
  return lost
}

/**
 * For each epoch, the rows between the first and the last in some files that are neither in these nor in
 * others.
 */
export function rowsBetween(files: readonly ClosedFile[], others: readonly ClosedFile[]): RowsByEpoch {
  const present = rowsOf([...files, ...others])
  const missing: RowsByEpoch = new Map()
  for (const [epoch, spans] of rowsOf(files)) {
    const [first, last] = [spans[0]?.first, spans.at(-1)?.last]
    if (first === undefined || last === undefined) continue
    const left = without([{ first, last }], present.get(epoch) ?? [])
    if (left.length > 0) missing.set(epoch, left)
  }
  return missing
}

/** The closed files of a data directory that are gone, and how many rows are lost with them. */
export async function goneFiles(disk: Disk, dir: string): Promise<{ files: string[]; rows: number }> {
  const { gone, kept } = await sorted(disk, dir)
  const rows = [...lostRows(gone, kept).values()].reduce((sum, spans) => sum + count(spans), 0)
  return { files: gone.map(({ file }) => file), rows }
}

/** The closed files of a data directory: gone, stored elsewhere, and all that are not gone. */
export async function sorted(disk: Disk, dir: string) {
  const listed = await closedFiles(disk, dir)
  const away = await absent(
    disk,
    dir,
    listed.map(({ file }) => file),
  )
  const [gone, elsewhere] = [new Set(away.gone), new Set(away.elsewhere)]
  return {
    gone: listed.filter(({ file }) => gone.has(file)),
    elsewhere: listed.filter(({ file }) => elsewhere.has(file)),
    kept: listed.filter(({ file }) => !gone.has(file)),
  }
}

async function lines(disk: Disk, dir: string): Promise<z.output<typeof Line>[]> {
  return jsonLines(await textOf(disk, listPath(dir)), Line)
}

/** The text of a file; empty if there is none. */
export async function textOf(disk: Disk, path: string): Promise<string> {
  try {
    return new TextDecoder().decode(await disk.read(path))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

/** Appends a line to a file; it is on disk once this resolves. */
export async function append(disk: Disk, path: string, line: string): Promise<void> {
  const about = await disk.stat(path)
  const file = about ? await disk.open(path) : await disk.create(path)
  try {
    // On a line of its own, even after one that was cut short.
    await file.write(new TextEncoder().encode(`\n${line}\n`), about?.size ?? 0)
    await file.datasync()
  } finally {
    await file.close()
  }
}
