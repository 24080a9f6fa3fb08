/**
 * Frames of a .g3 file: one after the other, with nothing before, between or after them. The writer makes
 * whole frames; the reader finds their entries without decoding them, stops at damage, and finds the next
 * frame after it.
 */
import { ByteReader, ByteWriter, G3FormatError } from './bytes.ts'
import { checksum } from './checksum.ts'
import { Decoder } from './decode.ts'
import { writeArchive } from './encode.ts'
import type { BlockLayout } from './layout.ts'
import type { G3Object, G3Of, G3Source } from './objects.ts'

/** A frame to write. */
export interface Frame {
  /** One character; 'H' is housekeeping. */
  readonly type: string
  readonly entries: ReadonlyMap<string, G3Source>
}

/** A frame found in a file. */
export class LocatedFrame {
  readonly type: string
  /** Position in the buffer that was read. */
  readonly offset: number
  readonly length: number
  readonly entries: Entries

  constructor(type: string, offset: number, length: number, entries: Entries) {
    this.type = type
    this.offset = offset
    this.length = length
    this.entries = entries
  }

  /** Its bytes: a view of the file's bytes. */
  get bytes(): Uint8Array {
    return this.entries.decoder.bytes.subarray(this.offset, this.offset + this.length)
  }
}

/** The entries of a frame as stored in a file: name → archive, to be decoded by `entry` or `decodeObject`. */
export class Entries {
  readonly decoder: Decoder
  readonly #names: readonly string[]
  /** The beginning and end of each archive. */
  readonly #bounds: readonly number[]

  constructor(decoder: Decoder, names: readonly string[], bounds: readonly number[]) {
    this.decoder = decoder
    this.#names = names
    this.#bounds = bounds
  }

  /** The index of an entry, -1 if there is none. */
  find(name: string): number {
    return this.#names.lastIndexOf(name)
  }
  start(place: number): number {
    return this.#bounds[2 * place] ?? 0
  }
  end(place: number): number {
    return this.#bounds[2 * place + 1] ?? 0
  }

  has(name: string): boolean {
    return this.find(name) >= 0
  }
  /** The archive of an entry: a view of the file's bytes. */
  get(name: string): Uint8Array | undefined {
    const place = this.find(name)
    return place < 0 ? undefined : this.#archive(place)
  }
  *[Symbol.iterator](): Generator<[name: string, archive: Uint8Array]> {
    for (const [place, name] of this.#names.entries()) yield [name, this.#archive(place)]
  }

  #archive(place: number): Uint8Array {
    return this.decoder.bytes.subarray(this.start(place), this.end(place))
  }
}

/** Where a walk over frames ended: after the last good frame, and why if that is not the end of the file. */
export interface WalkEnd {
  readonly goodBytes: number
  readonly error?: G3FormatError
}

/** Frame class version 1, little-endian; then the number of entries (u32) and the type (u32). */
const head = Uint8Array.of(1, 1, 0, 0, 0)
const headLength = 13
/**
 * How often `findNextFrame` may examine each byte on average: about 2 for damage, unlimited in a malicious
 * file.
 */
const effort = 64

/** Room for the parts of a frame that are not samples. */
const aside = 1 << 14

/**
 * The bytes of a frame, as spt3g writes them. Throws like `encodeObject`, naming the entry.
 * @param size approximate number of bytes of its samples, so that the buffer is allocated once
 */
export function encodeFrame(frame: Frame, size = 3 << 14): Uint8Array {
  const type = frame.type.charCodeAt(0)
  if (frame.type.length !== 1 || !isType(type))
    throw new RangeError(`frame type '${frame.type}' is not one ASCII character`)
  const writer = new ByteWriter(size + aside)
  writer.array(head)
  writer.u32(frame.entries.size)
  writer.u32(type)
  let sum = 0
  for (const [name, object] of frame.entries) {
    const nameStart = writer.length + 8
    writer.string(name)
    sum = checksum(writer.written(), sum, nameStart)
    const start = writer.length + 8
    writer.sized(() => writeEntry(writer, name, object))
    sum = checksum(writer.written(), sum, start)
  }
  writer.u32(sum)
  return writer.written()
}

/**
 * The frame at `offset`. Throws G3FormatError if there is none or it runs past the end; the checksum is not
 * verified.
 */
export function locateFrame(buffer: Uint8Array, offset = 0): LocatedFrame {
  return locate(new Decoder(buffer), new ByteReader(buffer), offset, false)
}

/** @param verify whether a wrong checksum is an error as well */
function locate(decoder: Decoder, reader: ByteReader, offset: number, verify: boolean): LocatedFrame {
  reader.moveTo(offset)
  if (reader.u8() !== 1 || reader.u32() !== 1) throw new G3FormatError(`no G3 frame at byte ${offset}`)
  const count = reader.u32()
  const type = reader.u32()
  if (!isType(type)) throw new G3FormatError(`no G3 frame at byte ${offset}`)
  const names: string[] = []
  const bounds: number[] = []
  for (let left = count; left > 0; left--) {
    names.push(reader.string())
    const start = reader.skip(reader.u64())
    bounds.push(start, reader.position)
  }
  reader.u32()
  const length = reader.position - offset
  if (verify && !isWhole(decoder.bytes, reader, offset))
    throw new G3FormatError(`wrong checksum in the frame at byte ${offset}`)
  return new LocatedFrame(String.fromCharCode(type), offset, length, new Entries(decoder, names, bounds))
}

/**
 * Whether the checksum of a frame matches its entries; it covers their names and archives, not the frame's
 * header.
 */
export function isIntact({ bytes }: LocatedFrame): boolean {
  return isWhole(bytes, new ByteReader(bytes), 0)
}

function isWhole(bytes: Uint8Array, reader: ByteReader, offset: number): boolean {
  reader.moveTo(offset + 5)
  let left = 2 * reader.u32()
  reader.skip(4)
  let sum = 0
  for (; left > 0; left--) {
    const at = reader.skip(reader.u64())
    sum = checksum(bytes, sum, at, reader.position)
  }
  return reader.u32() === sum
}

/** Frames from byte `from` (0) on, up to the first damaged one; with `verify`, a wrong checksum is damage too. */
export function* walkFrames(
  buffer: Uint8Array,
  { verify = false, from = 0 }: { verify?: boolean; from?: number } = {},
): Generator<LocatedFrame, WalkEnd, void> {
  const [decoder, reader] = [new Decoder(buffer), new ByteReader(buffer)]
  let offset = from
  while (offset < buffer.length) {
    let frame: LocatedFrame
    try {
      frame = locate(decoder, reader, offset, verify)
    } catch (error) {
      if (error instanceof G3FormatError) return { goodBytes: offset, error }
      throw error
    }
    yield frame
    offset += frame.length
  }
  return { goodBytes: offset }
}

/**
 * Where the next intact frame begins at or after byte `from`, undefined if there is none: for continuing
 * after damage. A frame is found by a plausible header and a right checksum; frames without entries could be
 * chance and are skipped.
 */
export function findNextFrame(buffer: Uint8Array, from = 0): number | undefined {
  const bytes = Buffer.from(buffer.buffer, buffer.byteOffset, buffer.byteLength)
  let budget = effort * bytes.length
  let at = bytes.indexOf(head, from)
  for (; at !== -1 && at + headLength <= bytes.length; at = bytes.indexOf(head, at + 1)) {
    const count = bytes.readUInt32LE(at + 5)
    if (count === 0 || count > 255 || !isType(bytes.readUInt32LE(at + 9))) continue
    try {
      const frame = locateFrame(buffer, at)
      budget -= frame.length
      if (budget < 0) return undefined
      if (isIntact(frame)) return at
    } catch (error) {
      if (!(error instanceof G3FormatError)) throw error
    }
  }
  return undefined
}

/**
 * Entry `name` of a frame, undefined if there is none. Throws G3FormatError if the entry is of another kind
 * or cannot be read.
 */
export function entry<Kind extends G3Object['kind']>(
  frame: LocatedFrame,
  name: string,
  kind: Kind,
): G3Of<Kind> | undefined {
  const { entries } = frame
  const place = entries.find(name)
  if (place < 0) return undefined
  const object = located(frame, name, () => entries.decoder.object(entries.start(place), entries.end(place)))
  if (object?.kind !== kind)
    throw new G3FormatError(
      `entry '${name}' at byte ${frame.offset} is ${object?.kind ?? 'null'}, not ${kind}`,
    )
  return object as G3Of<Kind>
}

/**
 * The layouts of the blocks in entry `name`, in the buffer that was read, item by item; null for an item that
 * is not a block, empty if the frame has no such entry. Throws G3FormatError like `entry`.
 */
export function blockLayouts(frame: LocatedFrame, name = 'blocks'): (BlockLayout | null)[] {
  const { entries } = frame
  const place = entries.find(name)
  if (place < 0) return []
  return located(frame, name, () => entries.decoder.blocks(entries.start(place), entries.end(place)))
}

/** Adds the name of the entry to errors of reading it. */
function located<Value>(frame: LocatedFrame, name: string, read: () => Value): Value {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof G3FormatError)) throw error
    throw new G3FormatError(`entry '${name}' of the frame at byte ${frame.offset}: ${error.message}`, {
      cause: error,
    })
  }
}

function writeEntry(writer: ByteWriter, name: string, object: G3Source): void {
  try {
    writeArchive(writer, object)
  } catch (error) {
    if (error instanceof RangeError)
      throw new RangeError(`entry '${name}': ${error.message}`, { cause: error })
    throw error
  }
}

function isType(code: number): boolean {
  return code > 0x20 && code < 0x7f
}
