import { type Stats, statSync } from 'node:fs'

/**
 * The file that SQLite has open. SQLite goes on writing to a file that has been deleted, and the contents are
 * lost when this process ends.
 */
export class OwnFile {
  readonly #path: string
  readonly #file: Stats | undefined
  #told = false

  /** @param path the file that has just been opened */
  constructor(path: string) {
    this.#path = path
    this.#file = fileAt(path)
  }

  /** Whether the file has been moved or removed since; true only once. */
  wasDisplaced(): boolean {
    const there = fileAt(this.#path)
    const isHere = there !== undefined && there.dev === this.#file?.dev && there.ino === this.#file.ino
    if (isHere || this.#told || this.#file === undefined) return false
    this.#told = true
    return true
  }
}

function fileAt(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false })
}
