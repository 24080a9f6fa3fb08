import type { FieldType } from '../../core/wire.ts'
import { ticksFrom } from '../g3/time.ts'
import type { StoredValues } from './archive-blocks.ts'

/** Samples of one field in time order (unix s). */
export interface Column {
  readonly type: FieldType
  readonly t: Float64Array
  /**
   * Doubles and booleans (0 or 1) as doubles, texts as texts, integers as doubles, or as bigints if one is
   * too large for a double.
   */
  readonly values: Float64Array | BigInt64Array | readonly string[]
  /**
   * If requested: the times as stored in the files, in ticks of 10 ns. A double of seconds is accurate to 24
   * ticks.
   */
  readonly ticks?: BigInt64Array | undefined
  /** Whether some samples represent others that are left out. */
  readonly thinned?: boolean
}
/** Some samples of a field as stored in a file. */
export interface Chunk {
  readonly t: Float64Array
  readonly type: FieldType
  readonly values: StoredValues
  readonly ticks?: BigInt64Array | undefined
}

/** The type that can hold values of both: double for two numeric types, text if either is text. */
export function promote(a: FieldType, b: FieldType): FieldType {
  if (a === b) return a
  return a === 'string' || b === 'string' ? 'string' : 'double'
}

/**
 * The times of joined chunks. Fields stored in the same blocks share their times, which are joined only once.
 */
interface JoinedTimes {
  readonly of: readonly Float64Array[]
  readonly t: Float64Array
  readonly ticks: BigInt64Array | undefined
  /** How many samples of each chunk are within the requested times. */
  readonly kept: readonly number[]
  readonly sorted: boolean
}

/**
 * Joins chunks into columns, in the order they were written: the samples with `start` ≤ t ≤ `end`.
 * Overlapping chunks are sorted by time; samples with the same time keep the order of their chunks. Columns
 * with the same times share them.
 * @param exact whether to return ticks as well, which takes extra time
 */
export function joiner(start: number, end: number, exact = false) {
  let times: JoinedTimes | undefined
  return (type: FieldType, chunks: readonly Chunk[]): Column => {
    if (!times || !areOf(chunks, times)) times = joinTimes(chunks, start, end, exact)
    const { t, ticks, kept, sorted } = times
    const values = room(type, chunks, t.length)
    let at = 0
    for (const [n, chunk] of chunks.entries()) {
      const from = at
      at += kept[n] ?? 0
      if (at - from === chunk.t.length && values instanceof Float64Array && isNumeric(chunk.values)) {
        values.set(chunk.values, from)
        continue
      }
      let to = from
      if (at - from === chunk.t.length && Array.isArray(values) && chunk.type === 'string') {
        for (const text of chunk.values as readonly string[]) values[to++] = text
        continue
      }
      for (let i = 0; i < chunk.t.length && to < at; i++) {
        const time = chunk.t[i] ?? 0
        if (time >= start && time <= end)
          values[to++] = converted(type, chunk, i, values instanceof BigInt64Array) as never
      }
    }
    return { type, ...(sorted ? { t, ticks, values } : inOrder({ t, ticks, values })) }
  }
}

function areOf(chunks: readonly Chunk[], { of }: JoinedTimes): boolean {
  return chunks.length === of.length && chunks.every(({ t }, i) => t === of[i])
}

function joinTimes(chunks: readonly Chunk[], start: number, end: number, exact: boolean): JoinedTimes {
  const size = chunks.reduce((sum, { t }) => sum + t.length, 0)
  const t = new Float64Array(size)
  const ticks = exact ? new BigInt64Array(size) : undefined
  const kept: number[] = []
  let at = 0
  let sorted = true
  for (const chunk of chunks) {
    const before = at
    const own = ticks && (chunk.ticks ?? ticksFrom(chunk.t))
    // Iterators of typed arrays are several times slower than this.
    for (let i = 0; i < chunk.t.length; i++) {
      const time = chunk.t[i] ?? 0
      if (time < start || time > end) continue
      if (at > 0 && time < (t[at - 1] ?? 0)) sorted = false
      if (ticks) ticks[at] = own?.[i] ?? 0n
      t[at++] = time
    }
    kept.push(at - before)
  }
  const of = chunks.map(({ t }) => t)
  return { of, t: t.subarray(0, at), ticks: ticks?.subarray(0, at), kept, sorted }
}

/**
 * The samples of a column within spans of time (unix s), each including its first time and excluding its
 * second.
 */
export function within(column: Column, spans: readonly (readonly [number, number])[]): Column {
  const { type, t, ticks, values } = column
  const kept = [...t.keys()].filter((i) =>
    spans.some(([from, to]) => Number(t[i]) >= from && Number(t[i]) < to),
  )
  if (kept.length === t.length) return column
  const of = <V extends Room>(all: V) => kept.map((i) => all[i])
  const some = Array.isArray(values)
    ? (of(values) as string[])
    : values instanceof BigInt64Array
      ? BigInt64Array.from(of(values) as bigint[])
      : Float64Array.from(of(values as Float64Array) as number[])
  return {
    ...{ type, t: Float64Array.from(of(t) as number[]), values: some },
    ...(ticks && { ticks: BigInt64Array.from(of(ticks) as bigint[]) }),
  }
}

/** Whether the values are stored as doubles already. */
function isNumeric(values: StoredValues): values is Exclude<StoredValues, BigInt64Array | readonly string[]> {
  return ArrayBuffer.isView(values) && !(values instanceof BigInt64Array)
}

type Room = Float64Array | BigInt64Array | string[]

function room(type: FieldType, chunks: readonly Chunk[], size: number): Room {
  if (type === 'string') return new Array<string>(size)
  const wide = ({ values }: Chunk) =>
    values instanceof BigInt64Array && values.some((value) => !Number.isSafeInteger(Number(value)))
  return type === 'int' && chunks.some(wide) ? new BigInt64Array(size) : new Float64Array(size)
}

function converted(type: FieldType, chunk: Chunk, i: number, wide: boolean): number | bigint | string {
  const value = chunk.values[i] ?? 0
  if (type === 'string') return chunk.type === 'bool' ? String(Boolean(value)) : String(value)
  return wide ? BigInt(value) : Number(value)
}

function cut<V extends Room>(values: V, length: number): V {
  return (Array.isArray(values) ? values.slice(0, length) : values.subarray(0, length)) as V
}

function inOrder({ t, ticks, values }: { t: Float64Array; ticks: BigInt64Array | undefined; values: Room }) {
  const order = Uint32Array.from(t.keys()).sort((a, b) => (t[a] ?? 0) - (t[b] ?? 0) || a - b)
  const sorted = cut(values, values.length).slice() as Room
  for (const [to, from] of order.entries()) sorted[to] = values[from] as never
  return {
    t: Float64Array.from(order, (from) => t[from] ?? 0),
    ticks: ticks && BigInt64Array.from(order, (from) => ticks[from] ?? 0n),
    values: sorted,
  }
}
