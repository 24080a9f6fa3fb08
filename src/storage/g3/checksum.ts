/**
 * The checksum of a G3 frame: the polynomial of CRC-32C (Castagnoli, reflected 0x82f63b78), but begun at 0 and not
 * inverted at the end, so it is not the CRC-32C of RFC 3720 that libraries compute.
 */

/** `tables[256 * k + b]` is the checksum of byte `b` and `k` zero bytes; eight of them take eight bytes a step. */
const tables = new Int32Array(8 * 256)
for (let byte = 0; byte < 256; byte++) {
  let sum = byte
  for (let k = 0; k < 8; k++) {
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0x82f63b78 : 0)
    tables[256 * k + byte] = sum
  }
}

/** Checksum of `bytes`, continuing from that of the bytes before them; an unsigned 32-bit number. */
export function checksum(bytes: Uint8Array, before = 0): number {
  // Words must begin at a multiple of four bytes of the underlying buffer.
  const head = -bytes.byteOffset & 3
  const pairs = (bytes.length - head) >> 3
  if (pairs <= 0) return byBytes(bytes, 0, bytes.length, before) >>> 0
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + head, 2 * pairs)
  const sum = byWords(words, byBytes(bytes, 0, head, before))
  return byBytes(bytes, head + 8 * pairs, bytes.length, sum) >>> 0
}

function byBytes(bytes: Uint8Array, start: number, end: number, before: number): number {
  let sum = before | 0
  for (let i = start; i < end; i++) sum = term(0, sum ^ (bytes[i] ?? 0)) ^ (sum >>> 8)
  return sum
}

function byWords(words: Int32Array, before: number): number {
  let sum = before
  for (let i = 0; i < words.length; i += 2) {
    const a = (words[i] ?? 0) ^ sum
    const b = words[i + 1] ?? 0
    sum = term(7, a) ^ term(6, a >>> 8) ^ term(5, a >>> 16) ^ term(4, a >>> 24)
    sum ^= term(3, b) ^ term(2, b >>> 8) ^ term(1, b >>> 16) ^ term(0, b >>> 24)
  }
  return sum
}

function term(table: number, byte: number): number {
  return tables[256 * table + (byte & 255)] ?? 0
}
