import { closeSync, fstatSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { ConfigError, messageOf } from '../core/errors.ts'

/** Bytes of a file, and how many there are with the one that is written: 50 MB a role. */
const FILE_BYTES = 10_000_000
const FILES = 5

/** A log file that is appended to; when it is full it becomes `.1`, what was `.1` becomes `.2`, and the last one goes. */
export class RotatingLog {
  readonly path: string
  readonly #most: number
  #fd: number
  #bytes: number

  /**
   * @param most bytes a file may have
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

  /** Appends a line. What cannot be written is left out: a full disk must not stop the roles whose log it is. */
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
    // The number may soon be another file's: a late line must not end up there.
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

/** The names of a log's older files, the oldest first. */
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
