import type { FieldType } from '../../core/wire.ts'
import { ticksFrom } from '../g3/time.ts'
import type { StoredValues } from './archive-blocks.ts'

/** Samples of one field in order of time (unix s). */
export interface Column {
  readonly type: FieldType
  readonly t: Float64Array
  /**
   * Doubles and booleans (0 or 1) as doubles, texts as texts, integers as doubles, or as bigints where one is too large
   * for a double.
   */
  readonly values: Float64Array | BigInt64Array | readonly string[]
  /** Where they were asked for: the times as they lie in the files, ticks of 10 ns. A double of seconds is good to 24. */
  readonly ticks?: BigInt64Array | undefined
  /** Whether some samples stand for others, which are left out. */
  readonly thinned?: boolean
}
/** Some samples of a field as they lie in a file. */
export interface Chunk {
  readonly t: Float64Array
  readonly type: FieldType
  readonly values: StoredValues
  readonly ticks?: BigInt64Array | undefined
}

/** The type that holds the values of both: a double where numbers meet, a text where a text is met. */
export function promote(a: FieldType, b: FieldType): FieldType {
  if (a === b) return a
  return a === 'string' || b === 'string' ? 'string' : 'double'
}

/** The times of chunks joined: those of fields that lie in the same blocks are the same, and are joined once. */
interface JoinedTimes {
  readonly of: readonly Float64Array[]
  readonly t: Float64Array
  readonly ticks: BigInt64Array | undefined
  /** How many of each chunk are within the times asked for. */
  readonly kept: readonly number[]
  readonly sorted: boolean
}

/**
 * Joins chunks in the order they were written to columns: the samples with `start` ≤ t ≤ `end`. Those of chunks that
 * overlap are put in order of time, samples of one time in the order of their chunks. Columns of the same times share them.
 * @param exact whether ticks are wanted, too: they cost some time
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
    // Iterators of typed arrays cost several times what this does.
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

/** The samples of a column that lie in spans of time, each from its first time on and up to its second (unix s). */
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

/** Whether values are as they are in doubles. */
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
