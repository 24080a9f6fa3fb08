/**
 * The checksum of a G3 frame: the polynomial of CRC-32C (Castagnoli, reflected 0x82f63b78), but starting from
 * 0 and not inverted at the end, so it is not the CRC-32C of RFC 3720 that libraries compute.
 */

/**
 * `tables[256 * k + b]` is the checksum of byte `b` followed by `k` zero bytes; eight tables process eight
 * bytes per step.
 */
const tables = new Int32Array(8 * 256)
for (let byte = 0; byte < 256; byte++) {
  let sum = byte
  for (let k = 0; k < 8; k++) {
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0x82f63b78 : 0)
    tables[256 * k + byte] = sum
  }
}

/** Below this many bytes, processing them one by one is faster than creating a view of words. */
const few = 2048

/** Checksum of `bytes[from, to)`, continuing from that of the bytes before them; an unsigned 32-bit number. */
export function checksum(bytes: Uint8Array, before = 0, from = 0, to = bytes.length): number {
  if (to - from < few) return byBytes(bytes, from, to, before) >>> 0
  // Words must begin at a multiple of four bytes of the underlying buffer.
  const head = from + (-(bytes.byteOffset + from) & 3)
  const pairs = (to - head) >> 3
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + head, 2 * pairs)
  const sum = byWords(words, byBytes(bytes, from, head, before))
  return byBytes(bytes, head + 8 * pairs, to, sum) >>> 0
}

function byBytes(bytes: Uint8Array, from: number, to: number, before: number): number {
  let sum = before | 0
  let i = from
  for (; i + 8 <= to; i += 8) {
    const a = sum ^ wordAt(bytes, i)
    const b = wordAt(bytes, i + 4)
    sum = eight(a, b)
  }
  for (; i < to; i++) sum = term(0, sum ^ (bytes[i] ?? 0)) ^ (sum >>> 8)
  return sum
}

function byWords(words: Int32Array, before: number): number {
  let sum = before
  for (let i = 0; i < words.length; i += 2) sum = eight((words[i] ?? 0) ^ sum, words[i + 1] ?? 0)
  return sum
}

/** The checksum of two words, the first already combined with the sum so far. */
function eight(a: number, b: number): number {
  const first = term(7, a) ^ term(6, a >>> 8) ^ term(5, a >>> 16) ^ term(4, a >>> 24)
  return first ^ term(3, b) ^ term(2, b >>> 8) ^ term(1, b >>> 16) ^ term(0, b >>> 24)
}

function wordAt(bytes: Uint8Array, at: number): number {
  const low = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8)
  return low | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)
}

function term(table: number, byte: number): number {
  return tables[256 * table + (byte & 255)] ?? 0
}
