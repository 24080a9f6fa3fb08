import type { Column } from './archive-columns.ts'

/** A value of a row; undefined if a column has none at that time. */
export type RowCell = number | bigint | boolean | string | undefined

/** The rows of columns, joined by time (unix s), for times before `before`. */
export function* rowsOf(
  columns: readonly Column[],
  before: number,
): Generator<[t: number, cells: RowCell[]]> {
  const at = columns.map(() => 0)
  for (;;) {
    let t = Infinity
    for (const [i, column] of columns.entries()) t = Math.min(t, column.t[at[i] ?? 0] ?? Infinity)
    if (t >= before || t === Infinity) return
    yield [
      t,
      columns.map(({ type, t: times, values }, i) => {
        const here = at[i] ?? 0
        if (times[here] !== t) return undefined
        at[i] = here + 1
        return type === 'bool' ? values[here] !== 0 : values[here]
      }),
    ]
  }
}
