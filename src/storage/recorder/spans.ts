/** Rows `first`..`last`, by seq. */
export interface Span {
  readonly first: number
  readonly last: number
}

/** The rows of the spans, each once and in order. */
export function union(spans: Iterable<Span>): Span[] {
  const joined: Span[] = []
  for (const { first, last } of [...spans].sort((a, b) => a.first - b.first)) {
    const before = joined.at(-1)
    if (last < first) continue
    if (before && first <= before.last + 1)
      joined[joined.length - 1] = { first: before.first, last: Math.max(before.last, last) }
    else joined.push({ first, last })
  }
  return joined
}

/** The rows of `spans` that are in none of `others`. */
export function without(spans: Iterable<Span>, others: Iterable<Span>): Span[] {
  const taken = union(others)
  return union(spans).flatMap(({ first, last }) => {
    const left: Span[] = []
    let next = first
    for (const other of taken) {
      if (other.last < next || other.first > last) continue
      if (other.first > next) left.push({ first: next, last: other.first - 1 })
      next = other.last + 1
    }
    if (next <= last) left.push({ first: next, last })
    return left
  })
}

/** The number of rows in spans that do not overlap. */
export function count(spans: Iterable<Span>): number {
  let rows = 0
  for (const { first, last } of spans) rows += last - first + 1
  return rows
}
