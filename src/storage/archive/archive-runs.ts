/**
 * Runs: blocks of one feed's block that were read at once from one file, as packed numbers. Of a year of a hundred feeds
 * there are ten million blocks; rows of an index for each would cost more than reading them.
 */
import type { FieldType } from '../../core/wire.ts'
import type { ColumnPlace, TimesPlace } from './archive-blocks.ts'
import { combine, type Overview } from './archive-overview.ts'

/** Where a block lies, and what tells it from others; its times `at` a byte of its frame. */
export interface BlockPlace extends TimesPlace {
  readonly id: number
  readonly file: number
  readonly path: string
  /** Byte of the file at which its frame begins, the frame's length, and its checksum. */
  readonly offset: number
  readonly length: number
  readonly digest: number
  readonly position: number
  /** Of a recorder of ours: the epoch, and the rows that its frame accounts for, by seq. */
  readonly epoch: string | null
  readonly firstRow: number | null
  readonly lastRow: number | null
  readonly first: number
  readonly last: number
}
/** What a block's samples of a field come to, and where they lie: the block, and the values `at` a byte of its frame. */
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
  /** The epochs that its blocks are of. */
  readonly epochs: (string | null)[]
  /** `PLACE` numbers a block. */
  readonly places: number[]
  readonly fields: readonly RunField[]
}
export interface RunField {
  readonly name: string
  readonly type: FieldType
  /** `SUMS` numbers a block. */
  readonly sums: number[]
  /** Of texts, a block each: the text that all are, when they are one. */
  readonly texts: (string | null)[]
}
/** A field of a run as an index keeps it. */
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

/** offset, length, digest, position, place of its epoch, first and last row, first and last time, count, place of times. */
const PLACE = 11
const [FIRST, LAST, COUNT] = [7, 8, 9]
/** finite, low and when, high and when, mean, place of values, bits of each. */
const SUMS = 8
/** More blocks than a run has. */
const MOST_BLOCKS = 2 ** 22

/** Numbers as bytes. */
export function packed(numbers: readonly number[]): Uint8Array {
  return new Uint8Array(Float64Array.from(numbers).buffer)
}

/** When the first samples of a run are and when the last, unix s. */
export function timesOf({ places }: Run): { readonly first: number; readonly last: number } {
  let [first, last] = [Infinity, -Infinity]
  for (let at = 0; at < places.length; at += PLACE) {
    first = Math.min(first, places[at + FIRST] ?? first)
    last = Math.max(last, places[at + LAST] ?? last)
  }
  return { first, last }
}

/** What the samples of a field of a run come to. */
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

/** A number that is NaN where there is none. */
function orNull(number = Number.NaN): number | null {
  return Number.isNaN(number) ? null : number
}

function numbersIn(bytes: Uint8Array): Float64Array {
  const whole = bytes.byteOffset % 8 === 0 ? bytes : bytes.slice()
  return new Float64Array(whole.buffer, whole.byteOffset, whole.byteLength / 8)
}
