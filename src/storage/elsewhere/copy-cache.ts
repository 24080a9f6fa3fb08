import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { type Digest, Digester, isSame } from './digest.ts'

/** Maximum total bytes of copies; a larger one is kept alone. */
const MOST = 2 * 2 ** 30
/** Suffix of a copy that is being written; one older than a day was left behind. */
const UNDER_WAY = '.part'
const DAY_MS = 86_400_000

/**
 * Copies of files stored elsewhere, named by their content; the most recently used ones stay. Processes may
 * share it.
 */
export class CopyCache {
  readonly folder: string
  readonly #most: number

  constructor(folder: string, most = MOST) {
    this.folder = folder
    this.#most = most
  }

  /** The path of a copy, which counts as used; undefined if there is none. */
  find(file: Digest & { readonly file: string }): string | undefined {
    const path = this.#pathOf(file)
    try {
      if (statSync(path).size !== file.size) return undefined
      const now = new Date()
      utimesSync(path, now, now)
      return path
    } catch {
      return undefined
    }
  }

  /**
   * Stores bytes as the copy of a file; undefined if they are not its bytes. @throws Error of the file system
   */
  async keep(
    file: Digest & { readonly file: string },
    pieces: AsyncIterable<Uint8Array>,
  ): Promise<string | undefined> {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 })
    const path = this.#pathOf(file)
    const temporary = `${path}.${process.pid}${UNDER_WAY}`
    try {
      const digester = new Digester()
      const to = openSync(temporary, 'w', 0o600)
      try {
        for await (const piece of pieces) {
          digester.add(piece)
          for (let at = 0; at < piece.length; ) at += writeSync(to, piece, at)
        }
      } finally {
        closeSync(to)
      }
      if (!isSame(digester.end(), file)) return undefined
      renameSync(temporary, path)
    } finally {
      rmSync(temporary, { force: true })
    }
    this.#makeRoom(path)
    return path
  }

  /** Removes the least recently used copies until the rest fits. */
  #makeRoom(newest: string): void {
    const found = readdirSync(this.folder, { withFileTypes: true }).flatMap((entry) => {
      const path = join(this.folder, entry.name)
      const about = entry.isFile() ? statSync(path, { throwIfNoEntry: false }) : undefined
      return about ? [{ path, size: about.size, used: about.mtimeMs }] : []
    })
    let kept = 0
    for (const { path, size, used } of found.sort((a, b) => b.used - a.used)) {
      if (path.endsWith(UNDER_WAY) && Date.now() - used < DAY_MS) continue
      kept += size
      if (path !== newest && kept > this.#most) rmSync(path, { force: true })
    }
  }

  /** The name tells whether it is compressed. */
  #pathOf({ file, sha256 }: Digest & { readonly file: string }): string {
    return join(this.folder, `${sha256}${file.endsWith('.gz') ? '.g3.gz' : '.g3'}`)
  }
}
