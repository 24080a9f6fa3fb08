import type { Value } from '../core/wire.ts'

/** The type of a column; booleans and numbers are stored as doubles, NaN if there is no value. */
export type Kind = 'number' | 'string' | 'bool'
type Texts = (string | null)[]

interface Column {
  readonly kind: Kind
  values: Float64Array | Texts
}

/** A column's samples between two times. */
export interface Slice {
  readonly kind: Kind
  readonly t: Float64Array
  readonly values: Float64Array | readonly (string | null)[]
}

const FIRST_ROWS = 1024
/** Maximum number of samples, at any rate: 1 h at 290 Hz. */
const MAX_ROWS = 1 << 20

/**
 * Values sampled together, in time order, for the last `keep` seconds. Adding a sample takes constant time;
 * late samples are sorted in before the next read.
 */
export class Table {
  readonly #keep: number
  readonly #maxRows: number
  readonly #now: () => number
  readonly #columns = new Map<string, Column>()
  #t = new Float64Array(FIRST_ROWS)
  #from = 0
  #to = 0
  #sorted = true

  /**
   * @param keep seconds after which a sample is dropped
   * @param now the time, unix s
   */
  constructor(keep: number, { maxRows = MAX_ROWS, now = () => Date.now() / 1000 } = {}) {
    this.#keep = keep
    this.#maxRows = maxRows
    this.#now = now
  }

  /** The names of the columns, in order of creation. */
  get names(): IterableIterator<string> {
    return this.#columns.keys()
  }

  kind(name: string): Kind | undefined {
    return this.#columns.get(name)?.kind
  }

  /** Adds an empty column. An existing one of another kind is replaced. */
  declare(name: string, kind: Kind): void {
    if (this.#columns.get(name)?.kind === kind) return
    this.#columns.set(name, { kind, values: blank(kind, this.#t.length) })
  }

  /** Removes a column. */
  drop(name: string): void {
    this.#columns.delete(name)
  }

  /** Adds one sample (unix s); columns without a value get none. */
  add(time: number, value: (name: string) => Value | undefined): void {
    if (this.#to === this.#t.length) this.#makeRoom()
    const at = this.#to++
    if (at > this.#from && time < (this.#t[at - 1] ?? 0)) this.#sorted = false
    this.#t[at] = time
    for (const [name, { values }] of this.#columns) {
      const given = value(name)
      if (values instanceof Float64Array) values[at] = given === undefined ? Number.NaN : Number(given)
      else values[at] = given === undefined ? null : String(given)
    }
  }

  /**
   * The samples of a column with `start` ≤ t ≤ `end`; a view that is valid until the next `add`.
   * @param now the same for all columns of a query, so that none loses its oldest sample in between
   */
  slice(name: string, start: number, end: number, now = this.#now()): Slice | undefined {
    const column = this.#columns.get(name)
    if (!column) return undefined
    const [from, to] = this.#range(start, end, now)
    const { kind, values } = column
    return { kind, t: this.#t.subarray(from, to), values: part(values, from, to) }
  }

  /** Number of samples between two times. */
  count(start: number, end: number): number {
    const [from, to] = this.#range(start, end)
    return to - from
  }

  /** The time of the newest sample; undefined if there is none. */
  get newest(): number | undefined {
    // Nothing is dropped here: a query that began at an earlier time may still read it.
    this.#sort()
    const last = this.#to > this.#from ? this.#t[this.#to - 1] : undefined
    return last !== undefined && last >= this.#now() - this.#keep ? last : undefined
  }

  /** The time of the oldest sample that is not too old at `now`; undefined if there is none. */
  oldest(now = this.#now()): number | undefined {
    const [from, to] = this.#range(-Infinity, Infinity, now)
    return to > from ? this.#t[from] : undefined
  }

  /** The usual interval between samples (s): the median of the last hundred steps. */
  get interval(): number | null {
    const [from, to] = this.#range(-Infinity, Infinity)
    const last = this.#t.subarray(Math.max(from, to - 101), to)
    const steps = Array.from(last.subarray(1), (t, i) => t - (last[i] ?? 0)).sort((a, b) => a - b)
    return steps[Math.floor(steps.length / 2)] ?? null
  }

  #range(start: number, end: number, now = this.#now()): [number, number] {
    this.#sort()
    this.#from = this.#search(now - this.#keep)
    const from = this.#search(start)
    return [from, Math.max(from, this.#search(end, true))]
  }

  /** The first sample at or after a time (`beyond`: after it). */
  #search(time: number, beyond = false): number {
    let [low, high] = [this.#from, this.#to]
    while (low < high) {
      const middle = (low + high) >>> 1
      const t = this.#t[middle] ?? 0
      if (t < time || (beyond && t === time)) low = middle + 1
      else high = middle
    }
    return low
  }

  #sort(): void {
    if (this.#sorted) return
    const order = Uint32Array.from({ length: this.#to - this.#from }, (_, i) => this.#from + i)
    const t = this.#t
    order.sort((a, b) => (t[a] ?? 0) - (t[b] ?? 0) || a - b)
    this.#t = reorder(this.#t, order)
    for (const column of this.#columns.values()) column.values = reorder(column.values, order)
    this.#from = 0
    this.#to = order.length
    this.#sorted = true
  }

  /** Drops samples that are too old; if that frees less than half, doubles the capacity, up to the limit. */
  #makeRoom(): void {
    this.#sort()
    this.#from = this.#search(this.#now() - this.#keep)
    const length = this.#t.length
    const full = length >= this.#maxRows
    if (full) this.#from = Math.max(this.#from, this.#to - Math.floor((length * 7) / 8))
    const used = this.#to - this.#from
    const room = !full && used > length / 2 ? length * 2 : length
    this.#t = moved(this.#t, this.#from, this.#to, room) as Float64Array<ArrayBuffer>
    for (const column of this.#columns.values()) {
      column.values = moved(column.values, this.#from, this.#to, room)
    }
    this.#from = 0
    this.#to = used
  }
}

function blank(kind: Kind, length: number): Float64Array | Texts {
  return kind === 'string'
    ? new Array<string | null>(length).fill(null)
    : new Float64Array(length).fill(Number.NaN)
}

function part(values: Float64Array | Texts, from: number, to: number): Float64Array | Texts {
  return values instanceof Float64Array ? values.subarray(from, to) : values.slice(from, to)
}

function moved(values: Float64Array | Texts, from: number, to: number, room: number): Float64Array | Texts {
  if (!(values instanceof Float64Array)) {
    const texts = values.slice(from, to)
    texts.length = room
    return texts.fill(null, to - from)
  }
  const fresh = new Float64Array(room).fill(Number.NaN, to - from)
  fresh.set(values.subarray(from, to))
  return fresh
}

function reorder<V extends Float64Array | Texts>(values: V, order: Uint32Array): V {
  const fresh = values.slice() as V
  for (const [to, from] of order.entries()) fresh[to] = values[from] as never
  return fresh
}
