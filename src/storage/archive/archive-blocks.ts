/** Times and values as stored in housekeeping frames of any schema (0, 1, 2). */
import type { FieldType } from '../../core/wire.ts'
import { ByteReader } from '../g3/bytes.ts'
import { blockLayouts, entry, type LocatedFrame } from '../g3/frame.ts'
import { typeOf } from '../g3/hk.ts'
import { type Bits, type IntArray, readInts } from '../g3/integers.ts'
import type { BlockLayout } from '../g3/layout.ts'
import { secondsAt } from '../g3/time.ts'

/** Values as stored in a file, by type: doubles, integers (exact), 0 or 1, texts. */
export type StoredValues = Float64Array | IntArray | Uint8Array | readonly string[]
export interface StoredColumn {
  readonly type: FieldType
  readonly values: StoredValues
}
/** Where the values of a column are stored: their first byte, and the bits per value (0 for texts). */
export interface ColumnPlace {
  readonly type: FieldType
  readonly at: number
  readonly bits: number
}
/** Where times are stored: their first byte, their count, and whether they are ticks or seconds. */
export type TimesPlace = Pick<BlockLayout, 'at' | 'count' | 'ticks'>

/** Columns sampled at the same times; times in unix s. */
export interface StoredBlock {
  readonly times: Float64Array
  readonly columns: ReadonlyMap<string, StoredColumn>
}

/** A block of a frame that has samples, with the columns of the same length; other columns are left out. */
export interface PlacedBlock extends TimesPlace {
  /** Its position in the frame, and its name, which schemas 0 and 1 do not have. */
  readonly position: number
  readonly name: string
  readonly columns: readonly (ColumnPlace & { readonly name: string })[]
}

/** The blocks of a data frame, in the buffer that was read. @throws G3FormatError if they cannot be read */
export function placedBlocks(frame: LocatedFrame): PlacedBlock[] {
  const names = entry(frame, 'block_names', 'G3VectorString')?.value ?? []
  const blocks: PlacedBlock[] = []
  for (const [position, block] of blockLayouts(frame).entries()) {
    if (!block || block.count === 0) continue
    const columns: PlacedBlock['columns'][number][] = []
    // Schema 0 names are stored without the block's prefix, like those of so3g's own translator
    // (`HKTranslator`).
    for (const { name, kind, at, count, bits } of block.columns)
      if (count === block.count) columns.push({ name, type: typeOf[kind], at, bits })
    const { at, count, ticks } = block
    blocks.push({ position, name: names[position] ?? 'block', at, count, ticks, columns })
  }
  return blocks
}

/** The blocks of a data frame that have samples. @throws G3FormatError if they cannot be read */
export function blocksOf(frame: LocatedFrame): StoredBlock[] {
  const { bytes } = frame.entries.decoder
  const view = viewOf(bytes)
  return placedBlocks(frame).map((block) => ({
    times: timesIn(view, block),
    columns: new Map(
      block.columns.map((column) => [
        column.name,
        { type: column.type, values: valuesIn(bytes, column, block.count) },
      ]),
    ),
  }))
}

/** A view for reading the numbers of a buffer. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** A time, unix s. */
export function timeAt(view: DataView, { at, ticks }: TimesPlace, n: number): number {
  return ticks ? secondsAt(view, at + 8 * n) : view.getFloat64(at + 8 * n, true)
}

/** Times, unix s. */
export function timesIn(view: DataView, place: TimesPlace): Float64Array {
  const times = new Float64Array(place.count)
  for (let n = 0; n < times.length; n++) times[n] = timeAt(view, place, n)
  return times
}

/** A value that is not a text, as a double. */
export function numberAt(view: DataView, { type, at, bits }: ColumnPlace, n: number): number {
  if (type === 'double') return view.getFloat64(at + 8 * n, true)
  if (type === 'bool') return view.getUint8(at + n)
  if (bits === 8) return view.getInt8(at + n)
  if (bits === 16) return view.getInt16(at + 2 * n, true)
  return bits === 32 ? view.getInt32(at + 4 * n, true) : Number(view.getBigInt64(at + 8 * n, true))
}

/** Values of a column, exact. @throws G3FormatError if the bytes end before the values do */
export function valuesIn(bytes: Uint8Array, { type, at, bits }: ColumnPlace, count: number): StoredValues {
  const reader = new ByteReader(bytes, at)
  if (type === 'string') return reader.strings()
  if (type === 'int') return readInts(reader, bits as Bits, count)
  return type === 'bool' ? new Uint8Array(reader.copy(count)) : new Float64Array(reader.copy(8 * count))
}
