import type { Readable } from 'node:stream'

/** The longest line, in bytes. */
export const MOST_LINE = 16 << 20
/** Bytes kept of a longer line. */
const HEAD = 200
const NEWLINE = 10

/**
 * Reads a stream line by line, and keeps no more of it in memory than one line.
 * @param line gets each line without its end; the rest at the end of the stream counts as a line
 * @param long gets the beginning of a line that has more than `most` bytes
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
    // Bytes above the limit are skipped.
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
