/**
 * Little-endian bytes: a writer with a growing buffer, and a reader that checks every length before
 * allocating. Arrays are copied as the machine holds them, since every platform Bun runs on is little-endian.
 */

/**
 * Bytes that spt3g would not write: damaged, cut short, or of a newer format. Reading throws no other error.
 */
export class G3FormatError extends Error {
  override name = 'G3FormatError'
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const high = 2 ** 32
/**
 * Field names and states are short and ASCII; up to this length a loop is faster than the encoder and
 * decoder.
 */
const short = 24
/**
 * Up to this length, texts are looked up among the known ones: a feed's frames repeat some, such as its
 * epoch.
 */
const repeated = 48

/** Copies, even from a Buffer, whose own `slice` returns a view. */
const copyOf = Uint8Array.prototype.slice

/**
 * Scratch space for turning bytes into numbers: creating a view per file would take longer than reading its
 * numbers.
 */
const scratchBytes = new Uint8Array(8)
const scratchDouble = new Float64Array(scratchBytes.buffer)
const scratchInt = new BigInt64Array(scratchBytes.buffer)

/**
 * Short texts that have been read, by a hash of their bytes: names of classes, entries and fields recur in
 * each frame and need not be decoded again.
 */
const known = new Array<string>(1 << 12).fill('')

/** The text of `bytes[from, to)`. */
function shortText(bytes: Uint8Array, from: number, to: number): string {
  let hash = to - from
  for (let i = from; i < to; i++) hash = Math.imul(hash + (bytes[i] ?? 0), 0x9e3779b1)
  const place = hash >>> 20
  const text = known[place] ?? ''
  if (text.length === to - from && isText(text, bytes, from)) return text
  const made = decoder.decode(bytes.subarray(from, to))
  // Only ASCII has one character per byte.
  if (made.length === to - from) known[place] = made
  return made
}

function isText(text: string, bytes: Uint8Array, from: number): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== bytes[from + i]) return false
  return true
}

/** Appends little-endian values to a buffer of its own. */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>
  #view: DataView
  #length = 0

  constructor(capacity = 1 << 16) {
    this.#bytes = new Uint8Array(capacity)
    this.#view = new DataView(this.#bytes.buffer)
  }

  get length(): number {
    return this.#length
  }

  /** What has been written from `start` on: a view, valid until the next write. */
  written(start = 0): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(start, this.#length)
  }

  u8(value: number): void {
    const at = this.#grow(1)
    this.#bytes[at] = value
  }

  u32(value: number): void {
    const at = this.#grow(4)
    this.#view.setUint32(at, value, true)
  }

  /** A length: at most 2^53. */
  u64(value: number): void {
    this.#setU64(this.#grow(8), value)
  }

  i64(value: bigint): void {
    const at = this.#grow(8)
    this.#view.setBigInt64(at, value, true)
  }

  f64(value: number): void {
    const at = this.#grow(8)
    this.#view.setFloat64(at, value, true)
  }

  /** The bytes of a typed array, as they are. */
  array(values: ArrayBufferView): void {
    const at = this.#grow(values.byteLength)
    this.#bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at)
  }

  /** Doubles from a list, without first copying it to a Float64Array, which takes twice as long. */
  doubles(values: ArrayLike<number>): void {
    let at = this.#grow(8 * values.length)
    for (let i = 0; i < values.length; i++, at += 8) this.#view.setFloat64(at, values[i] ?? Number.NaN, true)
  }

  /** Length in bytes, then UTF-8; a lone surrogate becomes U+FFFD. */
  string(text: string): void {
    const at = this.#grow(8 + 3 * text.length)
    const size = text.length > short ? -1 : this.#ascii(text, at + 8)
    const written = size < 0 ? encoder.encodeInto(text, this.#bytes.subarray(at + 8)).written : size
    this.#setU64(at, written)
    this.#length = at + 8 + written
  }

  /** A count, then that many strings. States repeat, so a string equal to its neighbour is copied. */
  strings(texts: readonly string[]): void {
    this.u64(texts.length)
    let from = this.#length
    let before: string | undefined
    for (const text of texts) {
      const at = this.#length
      if (text === before) {
        this.#grow(at - from)
        this.#bytes.copyWithin(at, from, at)
      } else this.string(text)
      before = text
      from = at
    }
  }

  /** The length of what `write` appends, then those bytes. */
  sized(write: () => void): void {
    const at = this.#grow(8)
    write()
    this.#setU64(at, this.#length - at - 8)
  }

  /** Puts ASCII text at `at`; returns its length, or -1 if it is not ASCII. */
  #ascii(text: string, at: number): number {
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (code > 127) return -1
      this.#bytes[at + i] = code
    }
    return text.length
  }

  #setU64(at: number, value: number): void {
    this.#view.setUint32(at, value % high, true)
    this.#view.setUint32(at + 4, Math.floor(value / high), true)
  }

  /** Makes room for `count` more bytes; returns where they begin. */
  #grow(count: number): number {
    const at = this.#length
    this.#length += count
    if (this.#length > this.#bytes.length) {
      const bytes = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length))
      bytes.set(this.#bytes.subarray(0, at))
      this.#bytes = bytes
      this.#view = new DataView(bytes.buffer)
    }
    return at
  }
}

/** Reads little-endian values of `bytes[position, end)`. All methods throw G3FormatError when the bytes run out. */
export class ByteReader {
  readonly #bytes: Uint8Array
  #position: number
  #end: number

  constructor(bytes: Uint8Array, position = 0, end = bytes.length) {
    this.#bytes = bytes
    this.#position = position
    this.#end = end
  }

  get position(): number {
    return this.#position
  }
  get end(): number {
    return this.#end
  }

  /** Continues at another place: reusing a reader costs less than creating one per part. */
  moveTo(position: number, end = this.#bytes.length): void {
    this.#position = position
    this.#end = end
  }

  /** Skips `count` bytes; returns where they began. */
  skip(count: number): number {
    const at = this.#position
    if (count > this.#end - at)
      throw new G3FormatError(`${count} bytes needed at byte ${at}, ${this.#end - at} left`)
    this.#position = at + count
    return at
  }

  u8(): number {
    return this.#bytes[this.skip(1)] ?? 0
  }

  u32(): number {
    return this.#u32At(this.skip(4))
  }

  u64(): number {
    const at = this.skip(8)
    return this.#u32At(at) + this.#u32At(at + 4) * high
  }

  /** A u64 count of items of at least `size` bytes each, which must all be present. */
  count(size: number): number {
    return this.#checked(this.u64(), size)
  }

  /** The same for a u32 count. */
  count32(size: number): number {
    return this.#checked(this.u32(), size)
  }

  i64(): bigint {
    const at = this.skip(8)
    for (let i = 0; i < 8; i++) scratchBytes[i] = this.#bytes[at + i] ?? 0
    return scratchInt[0] ?? 0n
  }

  f64(): number {
    const at = this.skip(8)
    for (let i = 0; i < 8; i++) scratchBytes[i] = this.#bytes[at + i] ?? 0
    return scratchDouble[0] ?? 0
  }

  /** A view of the next `count` bytes. */
  view(count: number): Uint8Array {
    const at = this.skip(count)
    return this.#bytes.subarray(at, at + count)
  }

  /** A view of the bytes from one absolute position to another. */
  between(start: number, end: number): Uint8Array {
    return this.#bytes.subarray(start, end)
  }

  /** A copy of the next `count` bytes, aligned for any typed array. */
  copy(count: number): ArrayBuffer {
    const at = this.skip(count)
    return copyOf.call(this.#bytes, at, at + count).buffer as ArrayBuffer
  }

  /** Length in bytes, then UTF-8; invalid UTF-8 becomes U+FFFD. */
  string(): string {
    const count = this.u64()
    const at = this.skip(count)
    return count > repeated
      ? decoder.decode(this.#bytes.subarray(at, at + count))
      : shortText(this.#bytes, at, at + count)
  }

  /** Strings after a u64 count. States repeat: equal neighbours share one string. */
  strings(): string[] {
    const texts: string[] = []
    let text = ''
    let before = this.#position
    let size = -1
    for (let left = this.count(8); left > 0; left--) {
      const start = this.#position
      const count = this.u64()
      const at = this.skip(count)
      if (count !== size || !this.#equal(at, before, count)) {
        this.#position = start
        text = this.string()
      }
      texts.push(text)
      before = at
      size = count
    }
    return texts
  }

  #u32At(at: number): number {
    const bytes = this.#bytes
    const low = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16)
    return low + (bytes[at + 3] ?? 0) * 2 ** 24
  }

  #equal(a: number, b: number, count: number): boolean {
    for (let i = 0; i < count; i++) if (this.#bytes[a + i] !== this.#bytes[b + i]) return false
    return true
  }

  #checked(count: number, size: number): number {
    const left = this.#end - this.#position
    if (count * size > left)
      throw new G3FormatError(`${count} items announced at byte ${this.#position}, ${left} bytes left`)
    return count
  }
}
