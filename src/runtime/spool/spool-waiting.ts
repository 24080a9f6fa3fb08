import type { Row } from '../../core/channels.ts'
import { type Epoch, headOf } from './spool-index.ts'
import { type SpoolAnswer, storedRow } from './stored-rows.ts'

/** A row that waits for the disk. */
export interface Waiting {
  readonly epoch: Epoch
  readonly row: Row & { readonly seq: number }
  /** The row as stored. */
  readonly body: string
  /** Published without being on disk, because the disk has refused it for long. */
  out: boolean
}

/** Bytes of rows that may wait behind a batch; above that recorded rows are dropped, then the oldest. */
const MOST_BYTES = 16 << 20

/** Rows on their way to the disk: those of the batch being written, and those that wait behind it. */
export class WaitingRows {
  #batch: readonly Waiting[] = []
  #queue: Waiting[] = []
  #bytes = 0

  /** All rows, oldest first. */
  get all(): readonly Waiting[] {
    return [...this.#batch, ...this.#queue]
  }
  /** Whether no row waits behind the batch. */
  get idle(): boolean {
    return this.#queue.length === 0
  }
  /** Whether more rows wait than allowed. */
  get tooMany(): boolean {
    return this.#bytes > MOST_BYTES
  }

  /** Returns whether this row makes the queue exceed half of what may wait. */
  add(one: Waiting): boolean {
    const before = this.#bytes
    this.#queue.push(one)
    this.#bytes += one.body.length
    return before <= MOST_BYTES / 2 && this.#bytes > MOST_BYTES / 2
  }

  /** Makes the waiting rows the next batch. */
  take(): readonly Waiting[] {
    this.#batch = this.#queue
    this.#queue = []
    this.#bytes = 0
    return this.#batch
  }

  /** The batch is on disk. Returns those of its rows that have not been published yet. */
  committed(): readonly Waiting[] {
    const batch = this.#batch
    this.#batch = []
    return batch.filter(({ out }) => !out)
  }

  /** Marks all rows as published while they go on waiting. Returns those that had not been published. */
  sendOn(): readonly Waiting[] {
    const waiting = this.all.filter(({ out }) => !out)
    for (const one of waiting) {
      one.out = true
      one.epoch.sent = one.row.seq
    }
    return waiting
  }

  /**
   * Keeps the newest rows, half of what may wait. Returns the dropped rows that are not known to be recorded.
   */
  letGo(): readonly Waiting[] {
    const needed = this.#queue.filter(({ epoch, row }) => row.seq > epoch.acked)
    let left = MOST_BYTES / 2
    const from = needed.findLastIndex(({ body }) => {
      left -= body.length
      return left < 0
    })
    this.#queue = needed.slice(from + 1)
    this.#bytes = this.#queue.reduce((sum, { body }) => sum + body.length, 0)
    return needed.slice(0, from + 1)
  }
}

/**
 * Extends an answer from the disk with the rows in memory that were published without being on disk. Rows
 * that memory could not hold either are reported as a gap.
 */
export function withWaiting(
  answer: SpoolAnswer,
  epoch: Readonly<Epoch>,
  waiting: readonly Waiting[],
  maxBytes: number,
): SpoolAnswer {
  const head = headOf(epoch)
  if (head === answer.head || answer.next <= answer.head) return { ...answer, head }
  const rows = [...answer.rows]
  let { next, gap } = answer
  let bytes = 0
  const behind = waiting.filter(({ epoch: of, out, row }) => out && of === epoch && row.seq >= answer.next)
  for (const { row, body } of behind) {
    if (row.seq > next) {
      if (rows.length > 0 || gap) break
      gap = { from: next, to: row.seq - 1 }
    }
    bytes += body.length + 64
    if (bytes > maxBytes && rows.length > 0) break
    rows.push(storedRow(answer.epoch, row.seq, body))
    next = row.seq + 1
  }
  if (behind.length === 0 && !gap && rows.length === 0 && next <= head) {
    gap = { from: next, to: head }
    next = head + 1
  }
  return { ...answer, rows, next, head, ...(gap && { gap }) }
}
