import type { FeedDeclaration, Row } from '../../core/channels.ts'
import { type FieldType, fromWire, type Value, type Wire } from '../../core/wire.ts'
import { classOf } from '../g3/hk.ts'
import type { G3Source } from '../g3/objects.ts'

/** How a block of an epoch is recorded: its fields in order, with their names and types in the archive. */
export interface BlockPlan {
  readonly block: string
  readonly fields: readonly { readonly field: string; readonly name: string; readonly type: FieldType }[]
}

/**
 * Plans a block. A field has one type for the archive's life, since so3g takes the type from the first block
 * it meets and silently truncates later ones: a field of another type is recorded under another name. A field
 * also belongs to one block of a provider: if a later block has a field of the same name, it is recorded with
 * the block's name in front.
 * @param types the archive's types for this feed, by recorded name; new names are added
 * @param used recorded names of the epoch's other blocks; this block's are added
 */
export function planBlock(
  { blocks }: FeedDeclaration,
  block: string,
  types: Map<string, FieldType>,
  used: Set<string>,
): BlockPlan | undefined {
  const declared = Object.hasOwn(blocks, block) ? blocks[block] : undefined
  if (!declared) return undefined
  const everyName = new Set(Object.values(blocks).flatMap((fields) => Object.keys(fields)))
  const fields = Object.entries(declared).map(([field, { type }]) => {
    const owner = Object.keys(blocks).find((name) => field in (blocks[name] ?? {}))
    const free = (name: string) =>
      (name === field || !everyName.has(name)) && !used.has(name) && (types.get(name) ?? type) === type
    const base = owner === block ? field : `${block}_${field}`
    const name = firstFree(free, base, `${base}_${type}`)
    used.add(name)
    types.set(name, type)
    return { field, name, type }
  })
  return { block, fields }
}

function firstFree(free: (name: string) => boolean, base: string, other: string): string {
  if (free(base)) return base
  let name = other
  for (let number = 2; !free(name); number++) name = `${other}_${number}`
  return name
}

/**
 * A row's values by field, in the plan's order, or why the row cannot be recorded. A missing double is NaN.
 */
export function convert(plan: BlockPlan, { t, data }: Row): (readonly Value[])[] | string {
  const badTime = checkTimes(t)
  if (badTime !== undefined) return badTime
  let found = 0
  const columns: (readonly Value[])[] = []
  for (const { field, type } of plan.fields) {
    const wire = data[field]
    if (wire) found++
    if (wire && wire.length !== t.length) return `${field}: ${wire.length} values for ${t.length} times`
    if (wire && areAsTheyAre(type, wire)) {
      columns.push(wire)
      continue
    }
    const column: Value[] = []
    for (let i = 0; i < t.length; i++) {
      const value = fromWire(type, wire?.[i])
      if (value === undefined) return `${field}: ${JSON.stringify(wire?.[i] ?? null)} is not of type ${type}`
      column.push(value)
    }
    columns.push(column)
  }
  if (found === Object.keys(data).length) return columns
  const known = new Set(plan.fields.map(({ field }) => field))
  return `${Object.keys(data).find((field) => !known.has(field))} is not declared`
}

/**
 * Whether values travelled unchanged, as nearly all do: then `fromWire` would return each of them as it is.
 */
function areAsTheyAre(type: FieldType, wire: readonly Wire[]): wire is readonly Exclude<Wire, null>[] {
  const kind = type === 'bool' ? 'boolean' : type === 'string' ? 'string' : 'number'
  for (const value of wire) {
    if (typeof value !== kind) return false
    if (type === 'int' && !Number.isSafeInteger(value)) return false
  }
  return true
}

/**
 * Splits a row whose times span more than `most` seconds, for example after a clock was set, at its widest
 * gaps. A frame must span less, so that files are found by their names.
 * @returns the ranges, in time order
 */
export function cutRow(
  t: readonly number[],
  most: number,
  from = 0,
  to = t.length,
): [from: number, to: number][] {
  // A single sample is not split further, however short a file may be.
  if (to - from < 2 || (t[to - 1] ?? 0) - (t[from] ?? 0) <= most) return [[from, to]]
  let [at, widest] = [from + 1, -1]
  for (let i = from + 1; i < to; i++) {
    const gap = (t[i] ?? 0) - (t[i - 1] ?? 0)
    if (gap > widest) [at, widest] = [i, gap]
  }
  return [...cutRow(t, most, from, at), ...cutRow(t, most, at, to)]
}

/** Files are named by time, with at most ten digits. */
const END = 1e10

function checkTimes(t: readonly number[]): string | undefined {
  if (t.length === 0) return 'no samples'
  for (const time of t) if (!(time >= 0 && time < END)) return `time ${time} is not between 1970 and 2286`
  return undefined
}

/** A row with its samples in time order. */
export function inOrder(row: Row): Row {
  const order = orderOf(row.t)
  if (!order) return row
  const columns = Object.entries(row.data).map(([field, column]) => [field, permuted(column, order)] as const)
  return { ...row, t: permuted(row.t, order), data: Object.fromEntries(columns) }
}

/** The indices that sort the times; undefined if they are sorted already. */
function orderOf(t: readonly number[] | Float64Array): number[] | undefined {
  if (isRising(t)) return undefined
  return [...t.keys()].sort((a, b) => (t[a] ?? 0) - (t[b] ?? 0))
}

function isRising(t: ArrayLike<number>): boolean {
  for (let at = 1; at < t.length; at++) if ((t[at] ?? 0) < (t[at - 1] ?? 0)) return false
  return true
}

function permuted<T>(column: readonly T[], order: readonly number[]): T[] {
  // A column of another length does not fit, and is reported as it came.
  return column.length === order.length ? order.map((at) => column[at] as T) : [...column]
}

/** Samples of one block that wait to be written, in time order. */
export class Columns {
  readonly plan: BlockPlan
  readonly #times = new Doubles()
  readonly #values: (Doubles | Value[])[]
  #sorted = true

  constructor(plan: BlockPlan) {
    this.plan = plan
    this.#values = plan.fields.map(({ type }) => (type === 'double' ? new Doubles() : []))
  }

  /** Adds a row's samples as `convert` made them; returns their approximate number of bytes. */
  add(t: readonly number[], columns: readonly (readonly Value[])[]): number {
    this.#sorted &&= (t[0] ?? 0) >= this.#times.last
    this.#times.add(t)
    let bytes = 8 * t.length * (1 + columns.length)
    for (const [i, column] of columns.entries()) {
      const values = this.#values[i]
      if (values instanceof Doubles) {
        values.add(column as readonly number[])
        continue
      }
      for (const value of column) {
        values?.push(value)
        if (typeof value === 'string') bytes += value.length
      }
    }
    return bytes
  }

  get times(): Float64Array {
    this.#sort()
    return this.#times.all
  }

  /** The columns as stored in a frame, by recorded name. */
  fields(): Map<string, G3Source> {
    this.#sort()
    return new Map(this.plan.fields.map(({ name, type }, i) => [name, source(type, this.#values[i] ?? [])]))
  }

  #sort(): void {
    const order = this.#sorted ? undefined : orderOf(this.#times.all)
    this.#sorted = true
    if (!order) return
    this.#times.arrange(order)
    for (const [i, values] of this.#values.entries())
      if (values instanceof Doubles) values.arrange(order)
      else this.#values[i] = permuted(values, order)
  }
}

/** Numbers as they will be stored in the file, in a growing buffer. */
class Doubles {
  #room = new Float64Array(16)
  #length = 0

  /** A view. */
  get all(): Float64Array {
    return this.#room.subarray(0, this.#length)
  }

  get last(): number {
    return this.#length > 0 ? (this.#room[this.#length - 1] ?? 0) : 0
  }

  add(numbers: readonly number[]): void {
    const from = this.#length
    this.#length += numbers.length
    if (this.#length > this.#room.length) {
      const room = new Float64Array(Math.max(2 * this.#room.length, this.#length))
      room.set(this.#room)
      this.#room = room
    }
    // Faster than `set` for short lists, which most rows have.
    for (let i = 0; i < numbers.length; i++) this.#room[from + i] = numbers[i] ?? 0
  }

  arrange(order: readonly number[]): void {
    this.#room = Float64Array.from(order, (at) => this.#room[at] ?? 0)
  }
}

function source(type: FieldType, values: Doubles | readonly Value[]): G3Source {
  const value = values instanceof Doubles ? values.all : values
  // `convert` made each value fit its type.
  return { kind: classOf[type], value } as unknown as G3Source
}
