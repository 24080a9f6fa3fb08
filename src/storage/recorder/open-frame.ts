import type { Row } from '../../core/channels.ts'
import type { Value } from '../../core/wire.ts'
import type { Gap } from '../g3/hk.ts'
import { type BlockPlan, Columns } from './frame-columns.ts'

/** Seconds covered by a folder of files; so3g looks for a folder by this number. */
export const FOLDER = 100_000
/** Approximate bytes of a gap. */
const GAP_BYTES = 64

/** Consecutive rows of one epoch on their way into a frame. */
export class OpenFrame {
  readonly first: number
  last: number
  /** First and last time of its samples, unix s; first > last while it has none. */
  start = Infinity
  end = -Infinity
  rows = 0
  samples = 0
  /** Approximate bytes in memory and in the file. */
  bytes = 0
  readonly gaps: Gap[] = []
  readonly #blocks = new Map<string, Columns>()

  /** The frame contains no multiple of this many seconds. */
  readonly grid: number

  /** @param first seq of its first row */
  constructor(first: number, grid = Infinity) {
    this.first = first
    this.grid = grid
    this.last = first - 1
  }

  /** Its blocks with samples, in order of arrival. */
  get blocks(): readonly Columns[] {
    return [...this.#blocks.values()]
  }
  get empty(): boolean {
    return this.samples === 0
  }

  /**
   * Whether samples from `start` to `end` still fit in the same frame, which spans at most `length` s and one
   * folder.
   */
  takes(start: number, end: number, length: number): boolean {
    if (this.empty) return true
    const from = Math.min(start, this.start)
    return (
      Math.max(end, this.end) - from <= length && isTogether(from, start) && isTogether(from, end, this.grid)
    )
  }

  /** Adds the next row; returns its approximate number of bytes. */
  add(plan: BlockPlan, { t }: Pick<Row, 't'>, columns: readonly (readonly Value[])[]): number {
    this.last++
    this.rows++
    return this.addPart(plan, t, columns)
  }

  /** Adds samples of a row that ends in a later frame. */
  addPart(plan: BlockPlan, t: readonly number[], columns: readonly (readonly Value[])[]): number {
    const block = this.#blocks.get(plan.block) ?? new Columns(plan)
    this.#blocks.set(plan.block, block)
    const bytes = block.add(t, columns)
    this.bytes += bytes
    this.samples += t.length
    this.start = Math.min(this.start, t[0] ?? Infinity)
    this.end = Math.max(this.end, t.at(-1) ?? -Infinity)
    return bytes
  }

  /** Rows `last + 1`…`gap.last` will be in no frame; returns the approximate number of bytes this takes. */
  skip(gap: Gap): number {
    const before = this.gaps.at(-1)
    if (before && before.last === gap.first - 1 && before.reason === gap.reason)
      this.gaps[this.gaps.length - 1] = { ...before, last: gap.last }
    else this.gaps.push(gap)
    this.last = gap.last
    this.bytes += GAP_BYTES
    return GAP_BYTES
  }

  /** Drops all samples, recording `gap` for them. */
  drop(gap: Gap): void {
    this.#blocks.clear()
    this.gaps.splice(0, this.gaps.length, gap)
    this.rows = 0
    this.samples = 0
  }
}

/** Whether two times (unix s) lie between the same multiples of `seconds`; those of a folder by default. */
export function isTogether(one: number, other: number, seconds = FOLDER): boolean {
  return Math.floor(one / seconds) === Math.floor(other / seconds)
}
