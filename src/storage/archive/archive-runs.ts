/**
 * Runs: consecutive blocks with the same name of one feed, read at once from one file, as packed numbers. A
 * year of a hundred feeds has ten million blocks; an index row for each would cost more than reading the
 * blocks.
 */
import type { FieldType } from '../../core/wire.ts'
import type { ColumnPlace, TimesPlace } from './archive-blocks.ts'
import { combine, type Overview } from './archive-overview.ts'

/** Where a block is stored, and what identifies it; its times begin `at` a byte of its frame. */
export interface BlockPlace extends TimesPlace {
  readonly id: number
  readonly file: number
  readonly path: string
  /** Byte of the file at which its frame begins, the frame's length, and its checksum. */
  readonly offset: number
  readonly length: number
  readonly digest: number
  readonly position: number
  /** For our own recorder: the epoch, and the rows that its frame accounts for, by seq. */
  readonly epoch: string | null
  readonly firstRow: number | null
  readonly lastRow: number | null
  readonly first: number
  readonly last: number
}
/**
 * The overview of a block's samples of a field, and where they are stored: the block, and `at` a byte of its
 * frame.
 */
export interface BlockOverview extends Overview {
  readonly place: BlockPlace
  readonly column: ColumnPlace
}

/** Blocks with the same columns, in the order of the file. */
export interface Run {
  /** The provider's description: the address of the feed. */
  readonly address: string
  readonly name: string
  readonly ticks: boolean
  /** The epochs of its blocks. */
  readonly epochs: (string | null)[]
  /** `PLACE` numbers per block. */
  readonly places: number[]
  readonly fields: readonly RunField[]
}
export interface RunField {
  readonly name: string
  readonly type: FieldType
  /** `SUMS` numbers per block. */
  readonly sums: number[]
  /** For texts, per block: the text, if all samples have the same one. */
  readonly texts: (string | null)[]
}
/** A field of a run as an index stores it. */
export interface PackedRun {
  readonly run: number
  readonly file: number
  readonly path: string
  readonly ticks: number
  readonly epochs: string
  readonly places: Uint8Array
  readonly type: FieldType
  readonly texts: string
  readonly sums: Uint8Array
}

/**
 * offset, length, digest, position, index of its epoch, first and last row, first and last time, count, place
 * of times.
 */
const PLACE = 11
const [FIRST, LAST, COUNT] = [7, 8, 9]
/** finite, low and its time, high and its time, mean, place of values, bits per value. */
const SUMS = 8
/** Above the number of blocks of any run. */
const MOST_BLOCKS = 2 ** 22

/** Numbers as bytes. */
export function packed(numbers: readonly number[]): Uint8Array {
  return new Uint8Array(Float64Array.from(numbers).buffer)
}

/** The times of a run's first and last samples, unix s. */
export function timesOf({ places }: Run): { readonly first: number; readonly last: number } {
  let [first, last] = [Infinity, -Infinity]
  for (let at = 0; at < places.length; at += PLACE) {
    first = Math.min(first, places[at + FIRST] ?? first)
    last = Math.max(last, places[at + LAST] ?? last)
  }
  return { first, last }
}

/** The overview of a field of a run. */
export function totalOf({ places }: Run, { sums, texts }: RunField): Overview {
  let total = overviewOf(places, sums, texts, 0)
  for (let n = 1; n < places.length / PLACE; n++) total = combine(total, overviewOf(places, sums, texts, n))
  return total
}

/** The blocks of a field of a run that have samples between two times (unix s). */
export function blocksBetween(run: PackedRun, start: number, end: number): BlockOverview[] {
  const [places, sums] = [numbersIn(run.places), numbersIn(run.sums)]
  const epochs = JSON.parse(run.epochs) as (string | null)[]
  const texts = JSON.parse(run.texts) as (string | null)[]
  const blocks: BlockOverview[] = []
  for (let n = 0; n < places.length / PLACE; n++) {
    const at = n * PLACE
    if ((places[at + FIRST] ?? 0) > end || (places[at + LAST] ?? 0) < start) continue
    const overview = overviewOf(places, sums, texts, n)
    const { first, last, count } = overview
    const place: BlockPlace = {
      id: run.run * MOST_BLOCKS + n,
      file: run.file,
      path: run.path,
      offset: places[at] ?? 0,
      length: places[at + 1] ?? 0,
      digest: places[at + 2] ?? 0,
      position: places[at + 3] ?? 0,
      epoch: epochs[places[at + 4] ?? 0] ?? null,
      firstRow: orNull(places[at + 5]),
      lastRow: orNull(places[at + 6]),
      ...{ first, last, count },
      at: places[at + 10] ?? 0,
      ticks: run.ticks !== 0,
    }
    const column = { type: run.type, at: sums[n * SUMS + 6] ?? 0, bits: sums[n * SUMS + 7] ?? 0 }
    blocks.push({ ...overview, place, column })
  }
  return blocks
}

function overviewOf(
  places: ArrayLike<number>,
  sums: ArrayLike<number>,
  texts: readonly (string | null)[],
  n: number,
): Overview {
  const [place, at] = [n * PLACE, n * SUMS]
  return {
    first: places[place + FIRST] ?? 0,
    last: places[place + LAST] ?? 0,
    count: places[place + COUNT] ?? 0,
    finite: sums[at] ?? 0,
    low: orNull(sums[at + 1]),
    lowAt: orNull(sums[at + 2]),
    high: orNull(sums[at + 3]),
    highAt: orNull(sums[at + 4]),
    mean: orNull(sums[at + 5]),
    text: texts[n] ?? null,
  }
}

/** A number, or null for NaN. */
function orNull(number = Number.NaN): number | null {
  return Number.isNaN(number) ? null : number
}

function numbersIn(bytes: Uint8Array): Float64Array {
  const whole = bytes.byteOffset % 8 === 0 ? bytes : bytes.slice()
  return new Float64Array(whole.buffer, whole.byteOffset, whole.byteLength / 8)
}
