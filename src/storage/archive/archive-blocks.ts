/** The blocks of housekeeping frames as columns, whatever schema (0, 1, 2) they were written in. */
import type { FieldType } from '../../core/wire.ts'
import { entry, type LocatedFrame } from '../g3/frame.ts'
import type { IntArray } from '../g3/integers.ts'
import type { G3Object } from '../g3/objects.ts'
import { secondsFrom } from '../g3/time.ts'

/** Values as they lie in a file, by type: doubles, integers (exact), 0 or 1, texts. */
export type StoredValues = Float64Array | IntArray | Uint8Array | readonly string[]
export interface StoredColumn {
  readonly type: FieldType
  readonly values: StoredValues
}
/** Co-sampled columns; times in unix s. */
export interface StoredBlock {
  /** Its place in the frame, and its name, which schemas 0 and 1 do not have. */
  readonly position: number
  readonly name: string
  readonly times: Float64Array
  /** The times as they lie in the file, ticks of 10 ns; schema 0 has none. */
  readonly ticks?: BigInt64Array | undefined
  readonly columns: ReadonlyMap<string, StoredColumn>
}

/** The entries of a frame that `blocksOf` reads. */
export const isOfBlocks = (entry: string) => entry === 'blocks' || entry === 'block_names'

/**
 * The blocks of a data frame that have samples; columns of other lengths or unknown classes are left out.
 * @param wanted names of the only columns that are decoded
 * @throws G3FormatError when they cannot be read
 */
export function blocksOf(frame: LocatedFrame, wanted?: ReadonlySet<string>): StoredBlock[] {
  const key = wanted && ((name: string) => wanted.has(name))
  const names = entry(frame, 'block_names', 'G3VectorString')?.value ?? []
  const blocks: StoredBlock[] = []
  for (const [position, item] of (
    entry(frame, 'blocks', 'G3VectorFrameObject', key)?.value ?? []
  ).entries()) {
    const found = item && timed(item)
    if (!found || found.times.length === 0) continue
    const columns = new Map<string, StoredColumn>()
    for (const [name, object] of found.objects) {
      const column = object && columnOf(object)
      if (column?.values.length === found.times.length && (wanted?.has(name) ?? true))
        columns.set(name, column)
    }
    blocks.push({
      position,
      name: names[position] ?? 'block',
      times: found.times,
      ticks: found.ticks,
      columns,
    })
  }
  return blocks
}

interface Timed {
  readonly times: Float64Array
  readonly ticks?: BigInt64Array
  readonly objects: [string, G3Object | null][]
}

function timed(item: G3Object): Timed | undefined {
  if (item.kind === 'G3TimesampleMap')
    return { times: secondsFrom(item.times), ticks: item.times, objects: [...item.value] }
  if (item.kind !== 'IrregBlockDouble') return undefined
  // Without the block's prefix, as so3g's own translator (`HKTranslator`) names them.
  const objects = [...item.value].map(([name, value]): [string, G3Object] => [
    name,
    { kind: 'G3VectorDouble', value },
  ])
  return { times: item.times, objects }
}

function columnOf(object: G3Object): StoredColumn | undefined {
  switch (object.kind) {
    case 'G3VectorDouble':
      return { type: 'double', values: object.value }
    case 'G3VectorInt':
      return { type: 'int', values: object.value }
    case 'G3VectorBool':
      return { type: 'bool', values: object.value }
    case 'G3VectorString':
      return { type: 'string', values: object.value }
    default:
      return undefined
  }
}
