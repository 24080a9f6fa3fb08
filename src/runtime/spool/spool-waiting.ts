import type { Row } from '../../core/channels.ts'
import { type Epoch, headOf } from './spool-index.ts'
import { type SpoolAnswer, storedRow } from './stored-rows.ts'

/** A row that waits for the disk. */
export interface Waiting {
  readonly epoch: Epoch
  readonly row: Row & { readonly seq: number }
  /** As it is stored. */
  readonly body: string
  /** It went out without being on disk, because the disk has refused it for long. */
  out: boolean
}

/** Bytes of rows that may wait behind a batch; beyond them those go that are recorded, then the oldest. */
const MOST_BYTES = 16 << 20

/** Rows on their way to the disk: those of the batch that is under way, and those that wait behind it. */
export class WaitingRows {
  #batch: readonly Waiting[] = []
  #queue: Waiting[] = []
  #bytes = 0

  /** All of them, oldest first. */
  get all(): readonly Waiting[] {
    return [...this.#batch, ...this.#queue]
  }
  /** Whether none waits behind the batch. */
  get idle(): boolean {
    return this.#queue.length === 0
  }
  /** Whether more wait than may. */
  get tooMany(): boolean {
    return this.#bytes > MOST_BYTES
  }

  /** Returns whether half of what may wait does so now. */
  add(one: Waiting): boolean {
    const before = this.#bytes
    this.#queue.push(one)
    this.#bytes += one.body.length
    return before <= MOST_BYTES / 2 && this.#bytes > MOST_BYTES / 2
  }

  /** Those that wait, which are the batch from now on. */
  take(): readonly Waiting[] {
    this.#batch = this.#queue
    this.#queue = []
    this.#bytes = 0
    return this.#batch
  }

  /** The batch is on disk. Returns those of it that have not gone out yet. */
  committed(): readonly Waiting[] {
    const batch = this.#batch
    this.#batch = []
    return batch.filter(({ out }) => !out)
  }

  /** All go out, and wait on. Returns those that had not yet. */
  sendOn(): readonly Waiting[] {
    const waiting = this.all.filter(({ out }) => !out)
    for (const one of waiting) {
      one.out = true
      one.epoch.sent = one.row.seq
    }
    return waiting
  }

  /** Keeps half of what may wait, the newest. Returns those let go that are not known to be recorded. */
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
 * An answer from the disk, with what follows in memory: rows that went out though the disk has not taken them. Of those
 * that memory could not hold either it tells as of a gap.
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
