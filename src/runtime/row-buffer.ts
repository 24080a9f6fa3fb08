import type { FeedDeclaration, Row } from '../core/channels.ts'
import type { Wire } from '../core/wire.ts'

/**
 * The most values of one row; longer rows are split, so that each fits into a packet and into an answer of
 * the spool.
 */
const ROW_VALUES = 10_000

type NewRow = Omit<Row, 'seq'>
interface Held {
  readonly declaration: FeedDeclaration
  readonly epoch: string
  readonly t: number[]
  readonly data: Record<string, Wire[]>
}

/** Seconds added to the holding time as the limit between samples of one row: timers fire late. */
const LATE = 1

/**
 * Gathers a feed's rows for a while, so that fast samples are sent several per row; each block is gathered
 * separately. A row of another epoch or declaration flushes the held rows, and so does a step of the clock:
 * no row spans one.
 */
export class RowBuffer {
  readonly #ms: number
  readonly #out: (declaration: FeedDeclaration, row: NewRow) => void
  readonly #held = new Map<string, Held>()
  #timer: Timer | undefined

  /** @param seconds longest time that samples are held; 0: not at all */
  constructor(seconds: number, out: (declaration: FeedDeclaration, row: NewRow) => void) {
    this.#ms = seconds * 1000
    this.#out = out
  }

  /** Takes a row. Rows of a block come in order of time. */
  add(declaration: FeedDeclaration, row: NewRow): void {
    const most = Math.max(1, Math.floor(ROW_VALUES / Math.max(1, Object.keys(row.data).length)))
    for (let at = 0; at < row.t.length; at += most) this.#add(declaration, slice(row, at, at + most), most)
    if (this.#ms === 0) this.flush()
    else this.#timer ??= setTimeout(() => this.flush(), this.#ms)
  }

  /** Sends all held rows. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const held = [...this.#held]
    this.#held.clear()
    for (const [block, { declaration, epoch, t, data }] of held) {
      this.#out(declaration, { epoch, block, t, data })
    }
  }

  #add(declaration: FeedDeclaration, { epoch, block, t, data }: NewRow, most: number): void {
    const [first] = this.#held.values()
    if (first && (first.epoch !== epoch || first.declaration !== declaration)) this.flush()
    const held = this.#held.get(block)
    const apart = (t[0] ?? 0) - (held?.t.at(-1) ?? 0)
    if (held && held.t.length + t.length <= most && apart <= this.#ms / 1000 + LATE) {
      held.t.push(...t)
      for (const [name, column] of Object.entries(data)) held.data[name]?.push(...column)
      return
    }
    if (held) this.flush()
    this.#held.set(block, { declaration, epoch, t: [...t], data: { ...data } })
  }
}

function slice({ epoch, block, t, data }: NewRow, from: number, to: number): NewRow {
  if (from === 0 && to >= t.length) return { epoch, block, t, data }
  const columns = Object.entries(data).map(([name, column]) => [name, column.slice(from, to)] as const)
  return { epoch, block, t: t.slice(from, to), data: Object.fromEntries(columns) }
}
