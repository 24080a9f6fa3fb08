import { closeSync, fstatSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { ConfigError, messageOf } from '../core/errors.ts'

/** Bytes per file, and the number of files including the current one: 50 MB per role. */
const FILE_BYTES = 10_000_000
const FILES = 5

/**
 * A log file that rotates: when it is full it becomes `.1`, the former `.1` becomes `.2`, and the last is
 * deleted.
 */
export class RotatingLog {
  readonly path: string
  readonly #most: number
  #fd: number
  #bytes: number

  /**
   * @param most the size limit of a file in bytes
   * @throws ConfigError when it cannot be opened
   */
  constructor(path: string, most = FILE_BYTES) {
    this.path = path
    this.#most = most
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
      this.#fd = openSync(path, 'a', 0o640)
      this.#bytes = fstatSync(this.#fd).size
    } catch (cause) {
      throw new ConfigError(`${path}: ${messageOf(cause)}: choose another folder with --log-dir`, { cause })
    }
  }

  /**
   * Appends a line. A line that cannot be written is dropped: a full disk must not stop the roles whose log
   * this is.
   */
  write(line: string): void {
    const text = Buffer.from(`${line}\n`)
    try {
      if (this.#bytes > 0 && this.#bytes + text.length > this.#most) this.#rotate()
      this.#bytes += writeSync(this.#fd, text)
    } catch {
      // Tried again with the next line.
    }
  }

  close(): void {
    closeSync(this.#fd)
    // The descriptor's number may soon belong to another file: a late line must not be written there.
    this.#fd = -1
  }

  #rotate(): void {
    const [oldest = ''] = rotated(this.path)
    rmSync(oldest, { force: true })
    const files = [...rotated(this.path), this.path]
    for (const [at, file] of files.entries()) {
      const older = files[at - 1]
      if (older !== undefined) moveIfThere(file, older)
    }
    const fd = openSync(this.path, 'a', 0o640)
    closeSync(this.#fd)
    this.#fd = fd
    this.#bytes = fstatSync(fd).size
  }
}

/** The names of a log's older files, oldest first. */
export function rotated(path: string): string[] {
  return Array.from({ length: FILES - 1 }, (_, at) => `${path}.${FILES - 1 - at}`)
}

function moveIfThere(from: string, to: string): void {
  try {
    renameSync(from, to)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}
