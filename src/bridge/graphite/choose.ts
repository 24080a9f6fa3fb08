import { aggregated, aggregateOf } from './aggregate.ts'
import { type GraphiteFunction, SERIES } from './declaration.ts'
import type { Line } from './line.ts'

const REVERSE = { name: 'reverse', type: 'boolean', default: false } as const

/** Functions that leave out or reorder lines. */
export const CHOOSE: Readonly<Record<string, GraphiteFunction>> = {
  limit: {
    group: 'Filter Series',
    description: 'The first N lines.',
    params: [SERIES, { name: 'n', type: 'integer', required: true }],
    act: ({ series: [lines = []], values: [n] }) => lines.slice(0, Number(n)),
  },
  removeEmptySeries: {
    group: 'Filter Series',
    description: 'Leaves out lines without a value.',
    params: [SERIES],
    act: ({ series: [lines = []] }) =>
      lines.filter(({ datapoints }) => datapoints.some(([value]) => value !== null)),
  },
  sortBy: {
    group: 'Sorting',
    description: 'Sorts lines by an aggregate of their values.',
    params: [SERIES, { name: 'func', type: 'aggFunc', default: 'average' }, REVERSE],
    act: ({ series: [lines = []], values: [by = 'average', reverse = false] }) =>
      sorted(lines, String(by), reverse === true),
  },
  sortByMaxima: {
    group: 'Sorting',
    description: 'Sorts lines by their greatest value, greatest first.',
    params: [SERIES],
    act: ({ series: [lines = []] }) => sorted(lines, 'max', true),
  },
  sortByName: {
    group: 'Sorting',
    description: 'Sorts lines by name, with numbers in numerical order.',
    params: [SERIES, { name: 'natural', type: 'boolean', default: false }, REVERSE],
    act: ({ series: [lines = []], values: [natural = false, reverse = false] }) => {
      const order = new Intl.Collator('en', { numeric: natural === true }).compare
      const plain = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
      const compare = natural === true ? order : plain
      const named = lines.toSorted((a, b) => compare(a.target, b.target))
      return reverse === true ? named.reverse() : named
    },
  },
}

/** Lines without a value come first, as the smallest. */
function sorted(lines: readonly Line[], name: string, reverse: boolean): Line[] {
  const by = aggregateOf(name)
  const keys = new Map(
    lines.map((line) => [
      line,
      aggregated(
        line.datapoints.map(([value]) => value),
        by,
      ) ?? -Infinity,
    ]),
  )
  const order = (a: Line, b: Line) => (keys.get(a) ?? 0) - (keys.get(b) ?? 0) || 0
  return lines.toSorted(reverse ? (a, b) => order(b, a) : order)
}
