/**
 * Little-endian bytes, written to a buffer that grows and read with every length checked before anything is allocated.
 * Arrays go in and out as the machine holds them: every platform Bun runs on is little-endian.
 */

/** Bytes that are not what spt3g writes: damaged, cut short, or of a newer format. The only error of reading. */
export class G3FormatError extends Error {
  override name = 'G3FormatError'
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const high = 2 ** 32
/** Field names and states are short and ASCII; up to this length the encoder and decoder cost more than a loop. */
const short = 24

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

  /** Length in bytes, then UTF-8; a lone surrogate becomes U+FFFD. */
  string(text: string): void {
    const at = this.#grow(8 + 3 * text.length)
    const size = text.length > short ? -1 : this.#ascii(text, at + 8)
    const written = size < 0 ? encoder.encodeInto(text, this.#bytes.subarray(at + 8)).written : size
    this.#setU64(at, written)
    this.#length = at + 8 + written
  }

  /** The length of what `write` appends, then that. */
  sized(write: () => void): void {
    const at = this.#grow(8)
    write()
    this.#setU64(at, this.#length - at - 8)
  }

  /** Puts ASCII text at `at`; returns its length, -1 when it is not ASCII. */
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

  /** Makes room for `count` bytes more; returns where they begin. */
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
  readonly #view: DataView
  #position: number
  readonly end: number

  constructor(bytes: Uint8Array, position = 0, end = bytes.length, view?: DataView) {
    this.#bytes = bytes
    this.#position = position
    this.end = end
    this.#view = view ?? new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get position(): number {
    return this.#position
  }

  /** Steps over `count` bytes; returns where they began. */
  skip(count: number): number {
    const at = this.#position
    if (count > this.end - at)
      throw new G3FormatError(`${count} bytes needed at byte ${at}, ${this.end - at} left`)
    this.#position = at + count
    return at
  }

  /** A reader of the next `count` bytes, which are stepped over. */
  part(count: number): ByteReader {
    const at = this.skip(count)
    return new ByteReader(this.#bytes, at, at + count, this.#view)
  }

  u8(): number {
    return this.#view.getUint8(this.skip(1))
  }

  u32(): number {
    return this.#view.getUint32(this.skip(4), true)
  }

  u64(): number {
    const at = this.skip(8)
    return this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * high
  }

  /** A u64 count of items of at least `size` bytes each, which must still be there. */
  count(size: number): number {
    return this.#checked(this.u64(), size)
  }

  /** The same as a u32. */
  count32(size: number): number {
    return this.#checked(this.u32(), size)
  }

  i64(): bigint {
    return this.#view.getBigInt64(this.skip(8), true)
  }

  f64(): number {
    return this.#view.getFloat64(this.skip(8), true)
  }

  /** An int64 at an absolute position, without moving. */
  i64At(at: number): bigint {
    return this.#view.getBigInt64(at, true)
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
    return new Uint8Array(this.view(count)).buffer
  }

  /** Length in bytes, then UTF-8; what is not UTF-8 becomes U+FFFD. */
  string(): string {
    const count = this.u64()
    const at = this.skip(count)
    if (count > short) return decoder.decode(this.#bytes.subarray(at, at + count))
    let text = ''
    for (let i = at; i < at + count; i++) {
      const code = this.#bytes[i] ?? 0
      if (code > 127) return decoder.decode(this.#bytes.subarray(at, at + count))
      text += String.fromCharCode(code)
    }
    return text
  }

  /** Strings behind a u64 count. States repeat: equal neighbours share one string. */
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

  #equal(a: number, b: number, count: number): boolean {
    for (let i = 0; i < count; i++) if (this.#bytes[a + i] !== this.#bytes[b + i]) return false
    return true
  }

  #checked(count: number, size: number): number {
    const left = this.end - this.#position
    if (count * size > left)
      throw new G3FormatError(`${count} items announced at byte ${this.#position}, ${left} bytes left`)
    return count
  }
}
