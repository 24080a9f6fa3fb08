import type { Readable } from 'node:stream'

/** Bytes of a line at most. */
export const MOST_LINE = 16 << 20
/** Bytes that are kept of a line that is longer. */
const HEAD = 200
const NEWLINE = 10

/**
 * Reads a stream line by line, and keeps no more of it than a line may have.
 * @param line takes each, without its end; what a stream ends with counts as one
 * @param long takes the beginning of one that has more than `most` bytes
 */
export function readLines(
  stream: Readable,
  line: (text: string) => void,
  long: (head: string) => void,
  most = MOST_LINE,
): void {
  let parts: Uint8Array[] = []
  let size = 0
  const add = (part: Uint8Array) => {
    if (part.length === 0) return
    // What comes after the bound is passed over.
    if (size <= most) parts.push(part)
    size += part.length
    if (size > most && parts.length > 0) parts = [join(parts).slice(0, HEAD)]
  }
  const end = () => {
    const text = new TextDecoder().decode(join(parts))
    const isLong = size > most
    parts = []
    size = 0
    if (isLong) long(text)
    else line(text)
  }
  stream.on('data', (chunk: Uint8Array) => {
    let from = 0
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      add(chunk.subarray(from, at))
      end()
      from = at + 1
    }
    add(chunk.subarray(from))
  })
  stream.on('end', () => size > 0 && end())
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts)
}
