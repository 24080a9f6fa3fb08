import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** What a file is called that was taken while it was being written: no reader looks for it. */
const BEING_WRITTEN = '.being-written'

/**
 * Somebody takes recordings away, out of a data directory that is in use: all of it stays on its disk, in a folder beside.
 *
 * What was closed is kept, and read at the end: who takes it has it. What was being written is not: its recorder has to
 * see that it is gone, and has to record again what was in it. Which it was is seen once it is gone: whether the recorder
 * still has it open.
 */
export class TakenFiles {
  readonly #dataDir: string
  readonly #away: string
  readonly #recorder: () => number | undefined
  #taken = 0

  /**
   * @param away an empty folder on the same disk
   * @param recorder the recorder's process id
   */
  constructor(dataDir: string, away: string, recorder: () => number | undefined) {
    this.#dataDir = dataDir
    this.#away = away
    this.#recorder = recorder
  }

  /** Takes the file that is being written, or else the newest. @returns whether there was one */
  file(what: 'move' | 'remove'): boolean {
    const file = this.#newest()
    if (file === undefined) return false
    const place = this.#place()
    mkdirSync(dirname(join(place, file)), { recursive: true })
    renameSync(join(this.#dataDir, file), join(place, file))
    for (const path of this.#setAside(place)) if (what === 'remove') rmSync(path)
    return true
  }

  /** Takes the folder that this file is in. @returns whether there was one */
  folder(): boolean {
    const file = this.#newest()
    if (file === undefined) return false
    const place = this.#place()
    mkdirSync(place)
    renameSync(join(this.#dataDir, dirname(file)), join(place, dirname(file)))
    this.#setAside(place)
    return true
  }

  /** Takes the whole data directory. @returns whether there was one */
  directory(): boolean {
    if (!existsSync(this.#dataDir)) return false
    const place = this.#place()
    renameSync(this.#dataDir, place)
    this.#setAside(place)
    return true
  }

  /**
   * Takes the whole data directory for a while.
   * @returns brings it back, and takes what has been begun in its place; undefined when there was no directory
   */
  borrow(): (() => void) | undefined {
    if (!existsSync(this.#dataDir)) return undefined
    const place = this.#place()
    renameSync(this.#dataDir, place)
    return () => {
      for (;;) {
        this.directory()
        try {
          return renameSync(place, this.#dataDir)
        } catch (error) {
          // The recorder has just begun another.
          if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw error
        }
      }
    }
  }

  /** A folder that is not there yet. */
  #place(): string {
    return join(this.#away, String(++this.#taken).padStart(4, '0'))
  }

  /** The file that is being written, else the newest, as a path in the data directory. */
  #newest(): string | undefined {
    const files = filesIn(this.#dataDir)
    const open = openFiles(this.#recorder())
    const newest = files.map((file) => ({ file, ...lookAt(join(this.#dataDir, file)) }))
    const order = newest.sort((a, b) => Number(open.has(b.id)) - Number(open.has(a.id)) || b.time - a.time)
    return order[0]?.file
  }

  /** Takes what the recorder has still open out of the readers' sight. @returns the paths it has then */
  #setAside(place: string): string[] {
    const open = openFiles(this.#recorder())
    const written = filesIn(place).filter((file) => open.has(lookAt(join(place, file)).id))
    return written.map((file) => {
      const path = join(place, `${file}${BEING_WRITTEN}`)
      renameSync(join(place, file), path)
      return path
    })
  }
}

/** The folders that recordings were taken to, each like a data directory. @param away the folder of all of them */
export function takenFolders(away: string): string[] {
  return readdirSync(away).map((name) => join(away, name))
}

function filesIn(dir: string): string[] {
  return existsSync(dir) ? [...new Bun.Glob('[0-9]*/*.g3').scanSync(dir)] : []
}

/** What tells a file from others wherever it is, and when it was written last (ms). */
function lookAt(path: string): { id: string; time: number } {
  const found = statSync(path, { throwIfNoEntry: false })
  return { id: found ? `${found.dev}:${found.ino}` : '', time: found?.mtimeMs ?? 0 }
}

/** The files that a process has open; none where the system does not say. */
function openFiles(pid: number | undefined): Set<string> {
  const folder = `/proc/${pid}/fd`
  try {
    return new Set(readdirSync(folder).map((name) => lookAt(join(folder, name)).id))
  } catch {
    return new Set()
  }
}
