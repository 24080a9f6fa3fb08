import { ReadlineParser } from '@serialport/parser-readline'

/** The longest accepted line, in bytes: a longer one is noise, and must not fill the memory. */
export const maxLine = 64 * 1024

/**
 * Splits a stream of bytes into lines: they end at LF, a CR before it is dropped, decoded as latin1 (every
 * byte is a character).
 */
export class LineFramer {
  readonly #onLine: (line: string) => void
  readonly #onOverflow: () => void
  #parser: ReadlineParser
  #open = 0

  constructor(onLine: (line: string) => void, onOverflow: () => void) {
    this.#onLine = onLine
    this.#onOverflow = onOverflow
    this.#parser = this.#start()
  }

  /** Whether a line has begun and not ended. */
  get partial(): boolean {
    return this.#open > 0
  }

  /** Takes bytes as they come; the lines may be emitted after it returns. */
  push(bytes: Uint8Array): void {
    const end = bytes.lastIndexOf(10)
    this.#open = end < 0 ? this.#open + bytes.length : bytes.length - end - 1
    if (this.#open > maxLine) {
      this.reset()
      this.#onOverflow()
    } else this.#parser.write(bytes)
  }

  /** Drops an unfinished line. */
  reset(): void {
    this.#parser.removeAllListeners('data')
    this.#open = 0
    this.#parser = this.#start()
  }

  #start(): ReadlineParser {
    // In object mode an empty line is emitted too; otherwise a stream skips it.
    const parser = new ReadlineParser({ delimiter: '\n', encoding: 'latin1', readableObjectMode: true })
    return parser.on('data', (line: string) => {
      if (line.length > maxLine) this.#onOverflow()
      else this.#onLine(line.endsWith('\r') ? line.slice(0, -1) : line)
    })
  }
}
