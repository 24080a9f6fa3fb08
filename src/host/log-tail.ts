import { closeSync, existsSync, fstatSync, openSync, readSync, statSync } from 'node:fs'
import { StringDecoder } from 'node:string_decoder'

/** Reads lines appended to a log, also across its rotation to a new file. */
export class LogTail {
  readonly #path: string
  #fd: number | undefined
  #at: number
  #rest = ''
  #decoder = new StringDecoder('utf8')

  /** @param fromStart reads the existing lines, too */
  constructor(path: string, fromStart = false) {
    this.#path = path
    this.#fd = this.#open()
    this.#at = fromStart || this.#fd === undefined ? 0 : fstatSync(this.#fd).size
  }

  read(): string[] {
    const lines = this.#lines()
    if (this.#fd !== undefined && this.#isCurrent()) return lines
    this.close()
    this.#fd = this.#open()
    this.#at = 0
    return [...lines, ...this.#lines()]
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
  }

  #open(): number | undefined {
    return existsSync(this.#path) ? openSync(this.#path, 'r') : undefined
  }

  #isCurrent(): boolean {
    const now = statSync(this.#path, { throwIfNoEntry: false })
    return now === undefined || (this.#fd !== undefined && fstatSync(this.#fd).ino === now.ino)
  }

  #lines(): string[] {
    const buffer = Buffer.alloc(65_536)
    while (this.#fd !== undefined) {
      const bytes = readSync(this.#fd, buffer, 0, buffer.length, this.#at)
      if (bytes === 0) break
      this.#at += bytes
      this.#rest += this.#decoder.write(buffer.subarray(0, bytes))
    }
    const lines = this.#rest.split('\n')
    this.#rest = lines.pop() ?? ''
    return lines
  }
}
