import type { Replayed, Row } from '../core/channels.ts'

/** Rows that follow one another, or numbers of which there is no row: `why` where one came that did not fit. */
export type Run =
  | { readonly rows: readonly [Row, ...Row[]] }
  | { readonly first: number; readonly last: number; readonly why?: string }

interface Item {
  readonly first: number
  readonly last: number
  readonly row?: Row
  readonly why?: string
}

/**
 * What an answer brings behind row `last`, in order and without holes up to its `next`: a number that it is silent about is
 * lost, a row that comes twice is taken once, and one of another epoch or without a number is left out in its place.
 */
export function* runsOf(answer: Replayed, last: number): Generator<Run> {
  let next = last + 1
  let rows: Row[] = []
  const end = function* (): Generator<Run> {
    const [first, ...others] = rows
    if (first) yield { rows: [first, ...others] }
    rows = []
  }
  for (const { first, last: to, row, why } of itemsOf(answer)) {
    if (to < next) continue
    if (first > next) {
      yield* end()
      yield { first: next, last: first - 1 }
    }
    if (row) rows.push(row)
    else {
      yield* end()
      yield { first: Math.max(first, next), last: to, ...(why !== undefined && { why }) }
    }
    next = to + 1
  }
  yield* end()
  if (answer.next > next) yield { first: next, last: answer.next - 1 }
}

function itemsOf({ epoch, rows, gap, left_out = [], next }: Replayed): Item[] {
  const items: Item[] = gap ? [{ first: gap.from, last: gap.to }] : []
  for (const { seq, why } of left_out) items.push({ first: seq, last: seq, why })
  const at = rows.findIndex(({ seq }) => seq !== undefined)
  // A row without a number stands in the place of the one that is missing there.
  let before = at < 0 ? next - rows.length - 1 : (rows[at]?.seq ?? 1) - at - 1
  for (const row of rows) {
    const seq = row.seq ?? Math.max(1, before + 1)
    const why =
      row.epoch !== epoch
        ? `it is of epoch ${row.epoch}`
        : row.seq === undefined
          ? 'it has no seq'
          : undefined
    items.push({ first: seq, last: seq, ...(why === undefined ? { row } : { why }) })
    before = seq
  }
  return items.sort((a, b) => a.first - b.first)
}
