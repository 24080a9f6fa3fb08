/**
 * Frames of a .g3 file: one behind the other, without anything before, between or after them. Writing makes whole
 * frames; reading finds their entries without decoding them, stops at damage, and finds the next frame behind it.
 */
import { ByteReader, ByteWriter, G3FormatError } from './bytes.ts'
import { checksum } from './checksum.ts'
import { type BlockSummary, decodeObject, summarizeBlocks, type WantedKey } from './decode.ts'
import { writeArchive } from './encode.ts'
import type { G3Object, G3Of, G3Source } from './objects.ts'

/** A frame to write. */
export interface Frame {
  /** One character; 'H' is housekeeping. */
  readonly type: string
  readonly entries: ReadonlyMap<string, G3Source>
}

/** A frame found in a file. Its bytes are views of the file's. */
export interface LocatedFrame {
  readonly type: string
  /** Position in the buffer that was read. */
  readonly offset: number
  readonly bytes: Uint8Array
  /** Name → archive, to be decoded by `entry` or `decodeObject`. */
  readonly entries: ReadonlyMap<string, Uint8Array>
}

/** Where a walk over frames ended: behind the last good frame, and why if not at the end of the file. */
export interface WalkEnd {
  readonly goodBytes: number
  readonly error?: G3FormatError
}

/** Frame class version 1, little-endian; then the number of entries (u32) and the type (u32). */
const head = Uint8Array.of(1, 1, 0, 0, 0)
const headLength = 13
/** How often `findNextFrame` may test each byte on average: damage needs 2 or so, a file made to hang it any number. */
const effort = 64

/** Room for what of a frame is not its samples. */
const aside = 1 << 14

/**
 * The bytes of a frame, as spt3g writes them. Throws like `encodeObject`, naming the entry.
 * @param size about how many bytes its samples take: room is then made once
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
 * The frame at `offset`. Throws G3FormatError when there is none or it runs past the end; the checksum isn't tested.
 * @param wanted chooses among its entries, by their names
 */
export function locateFrame(buffer: Uint8Array, offset = 0, wanted?: WantedKey): LocatedFrame {
  const reader = new ByteReader(buffer, offset)
  if (reader.u8() !== 1 || reader.u32() !== 1) throw new G3FormatError(`no G3 frame at byte ${offset}`)
  const count = reader.u32()
  const type = reader.u32()
  if (!isType(type)) throw new G3FormatError(`no G3 frame at byte ${offset}`)
  const entries = new Map<string, Uint8Array>()
  for (let left = count; left > 0; left--) {
    const name = reader.string()
    const start = reader.skip(reader.u64())
    if (wanted?.(name) ?? true) entries.set(name, reader.between(start, reader.position))
  }
  reader.u32()
  const bytes = buffer.subarray(offset, reader.position)
  return { type: String.fromCharCode(type), offset, bytes, entries }
}

/** Whether the checksum of a frame fits its entries; it covers their names and archives, not the frame's header. */
export function isIntact(frame: LocatedFrame): boolean {
  const reader = new ByteReader(frame.bytes)
  reader.skip(5)
  let left = 2 * reader.u32()
  reader.skip(4)
  let sum = 0
  for (; left > 0; left--) {
    const at = reader.skip(reader.u64())
    sum = checksum(frame.bytes, sum, at, reader.position)
  }
  return reader.u32() === sum
}

/** Frames from byte `from` (0) on, up to the first damaged one; with `verify`, a wrong checksum is damage too. */
export function* walkFrames(
  buffer: Uint8Array,
  { verify = false, from = 0 }: { verify?: boolean; from?: number } = {},
): Generator<LocatedFrame, WalkEnd, void> {
  let offset = from
  while (offset < buffer.length) {
    let frame: LocatedFrame
    try {
      frame = locateFrame(buffer, offset)
      if (verify && !isIntact(frame)) throw new G3FormatError(`wrong checksum in the frame at byte ${offset}`)
    } catch (error) {
      if (error instanceof G3FormatError) return { goodBytes: offset, error }
      throw error
    }
    yield frame
    offset += frame.bytes.length
  }
  return { goodBytes: offset }
}

/**
 * Where the next intact frame begins at or behind byte `from`, undefined when there is none: the way on after damage.
 * Found by the look of a header and a right checksum; frames without entries look like chance and are passed over.
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
      budget -= frame.bytes.length
      if (budget < 0) return undefined
      if (isIntact(frame)) return at
    } catch (error) {
      if (!(error instanceof G3FormatError)) throw error
    }
  }
  return undefined
}

/**
 * Entry `name` of a frame, undefined when it has none. Throws G3FormatError when the entry is of another kind or
 * cannot be read. `wanted` as for `decodeObject`.
 */
export function entry<Kind extends G3Object['kind']>(
  frame: LocatedFrame,
  name: string,
  kind: Kind,
  wanted?: WantedKey,
): G3Of<Kind> | undefined {
  const archive = frame.entries.get(name)
  if (!archive) return undefined
  const object = located(frame, name, () => decodeObject(archive, wanted))
  if (object?.kind !== kind)
    throw new G3FormatError(
      `entry '${name}' at byte ${frame.offset} is ${object?.kind ?? 'null'}, not ${kind}`,
    )
  return object as G3Of<Kind>
}

/** `summarizeBlocks` of entry `name`; empty when the frame has none. Throws G3FormatError like `entry`. */
export function blockSummaries(frame: LocatedFrame, name = 'blocks'): (BlockSummary | null)[] {
  const archive = frame.entries.get(name)
  return archive ? located(frame, name, () => summarizeBlocks(archive)) : []
}

/** Says where in the file an archive is that cannot be read: its reader counts bytes from its beginning. */
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
