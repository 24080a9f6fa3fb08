import { join } from 'node:path'
import { z } from 'zod'
import type { Disk } from './disk.ts'
import { ownPath } from './own-folder.ts'
import { count, type Span, union, without } from './spans.ts'

/** A file that is not written any more, and the rows that are in it: spans by `instance/feed/epoch`. */
const ClosedFile = z.object({
  /** Path in the data directory. */
  file: z.string(),
  generation: z.int(),
  rows: z.record(z.string(), z.array(z.tuple([z.int(), z.int()]))),
  /** It was taken away while it was being written: what was in it is fetched again by itself. */
  displaced: z.literal(true).optional(),
})
export type ClosedFile = z.output<typeof ClosedFile>
/** A file was found to be gone, which is told once; unix s. */
const Missing = z.object({ file: z.string(), missing: z.number() })
const Line = z.union([ClosedFile, Missing])

const listPath = (dir: string) => ownPath(dir, 'files.jsonl')
/** Files looked for at a time. */
const AT_ONCE = 16

/** Rows by `instance/feed/epoch`. */
export type RowsByEpoch = Map<string, Span[]>

/**
 * The closed files of a data directory, a line of JSON each. Files that are there speak for themselves; this is to know
 * of those that somebody has moved away or lost.
 */
export class FileList {
  readonly #disk: Disk
  readonly #dir: string
  /** Whether it is known to be gone, by path. */
  readonly #files: Map<string, boolean>
  /** Lines are added one after the other. */
  #last: Promise<void> = Promise.resolve()

  private constructor(disk: Disk, dir: string, files: Map<string, boolean>) {
    this.#disk = disk
    this.#dir = dir
    this.#files = files
  }

  static async open(disk: Disk, dir: string): Promise<FileList> {
    const files = new Map<string, boolean>()
    for (const line of await lines(disk, dir))
      files.set(line.file, 'missing' in line || line.displaced === true)
    return new FileList(disk, dir, files)
  }

  has(file: string): boolean {
    return this.#files.has(file)
  }

  /** Adds a file that is closed; one that cannot be noted is only not missed later. */
  async add(file: ClosedFile): Promise<void> {
    // One that was taken away while it was written has been told of.
    this.#files.set(file.file, file.displaced === true)
    await this.#append(file).catch(() => {})
  }

  /** Files that are gone and were not known to be. */
  async newlyGone(): Promise<string[]> {
    const known = [...this.#files].filter(([, missing]) => !missing).map(([file]) => file)
    const gone = await absent(this.#disk, this.#dir, known)
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

/** The closed files that a data directory's list names; a file's latest line counts. */
async function closedFiles(disk: Disk, dir: string): Promise<ClosedFile[]> {
  const files = new Map<string, ClosedFile>()
  for (const line of await lines(disk, dir)) if ('rows' in line) files.set(line.file, line)
  return [...files.values()]
}

/** Those of some files that are not in a data directory, also not compressed beside their place. */
async function absent(disk: Disk, dir: string, files: Iterable<string>): Promise<string[]> {
  const queue = [...files].reverse()
  const gone: string[] = []
  const look = async () => {
    for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
      const there = (await disk.stat(join(dir, file))) ?? (await disk.stat(join(dir, `${file}.gz`)))
      if (!there) gone.push(file)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, look))
  return gone.sort()
}

/** The rows of some files. */
function rowsOf(files: Iterable<ClosedFile>): RowsByEpoch {
  const all: RowsByEpoch = new Map()
  for (const { rows } of files)
    for (const [epoch, spans] of Object.entries(rows)) {
      const before = all.get(epoch) ?? []
      all.set(epoch, union([...before, ...spans.map(([first, last]) => ({ first, last }))]))
    }
  return all
}

/** The rows that were in files that are gone, and are in no other. */
export function lostRows(gone: Iterable<ClosedFile>, there: Iterable<ClosedFile>): RowsByEpoch {
  const present = rowsOf(there)
  const lost: RowsByEpoch = new Map()
  for (const [epoch, spans] of rowsOf(gone)) {
    const left = without(spans, present.get(epoch) ?? [])
    if (left.length > 0) lost.set(epoch, left)
  }
  return lost
}

/** The rows of each epoch between the first and the last in some files that are neither in these nor in others. */
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

/** The closed files of a data directory that are gone, and how many rows are gone with them. */
export async function goneFiles(disk: Disk, dir: string): Promise<{ files: string[]; rows: number }> {
  const { gone, there } = await sorted(disk, dir)
  const rows = [...lostRows(gone, there).values()].reduce((sum, spans) => sum + count(spans), 0)
  return { files: gone.map(({ file }) => file), rows }
}

/** The closed files of a data directory by whether they are there. */
export async function sorted(disk: Disk, dir: string): Promise<{ gone: ClosedFile[]; there: ClosedFile[] }> {
  const listed = await closedFiles(disk, dir)
  const names = listed.map(({ file }) => file)
  const missing = new Set(await absent(disk, dir, names))
  return {
    gone: listed.filter(({ file }) => missing.has(file)),
    there: listed.filter(({ file }) => !missing.has(file)),
  }
}

async function lines(disk: Disk, dir: string): Promise<z.output<typeof Line>[]> {
  let text: string
  try {
    text = new TextDecoder().decode(await disk.read(listPath(dir)))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
  // A line that a crash cut short, or that somebody spoilt, costs itself.
  return text.split('\n').flatMap((line) => Line.safeParse(parsed(line)).data ?? [])
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

async function append(disk: Disk, path: string, line: string): Promise<void> {
  const about = await disk.stat(path)
  const file = about ? await disk.open(path) : await disk.create(path)
  try {
    // On a line of its own, also behind one that was cut short.
    await file.write(new TextEncoder().encode(`\n${line}\n`), about?.size ?? 0)
    await file.datasync()
  } finally {
    await file.close()
  }
}
