import { ReadlineParser } from '@serialport/parser-readline'

/** The longest line taken, in bytes: what is longer is noise, and must not fill the memory. */
export const maxLine = 64 * 1024

/** Cuts a stream of bytes into lines: ends at LF, drops a CR before it, decodes latin1 (every byte is a character). */
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

  /** Takes bytes as they come; the lines may be handed out after it returns. */
  push(bytes: Uint8Array): void {
    const end = bytes.lastIndexOf(10)
    this.#open = end < 0 ? this.#open + bytes.length : bytes.length - end - 1
    if (this.#open > maxLine) {
      this.reset()
      this.#onOverflow()
    } else this.#parser.write(bytes)
  }

  /** Forgets a begun line. */
  reset(): void {
    this.#parser.removeAllListeners('data')
    this.#open = 0
    this.#parser = this.#start()
  }

  #start(): ReadlineParser {
    // In object mode an empty line is a line too; otherwise a stream passes over it.
    const parser = new ReadlineParser({ delimiter: '\n', encoding: 'latin1', readableObjectMode: true })
    return parser.on('data', (line: string) => {
      if (line.length > maxLine) this.#onOverflow()
      else this.#onLine(line.endsWith('\r') ? line.slice(0, -1) : line)
    })
  }
}
