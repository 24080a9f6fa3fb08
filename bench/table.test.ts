import { expect, test } from 'bun:test'
import type { Bench } from './bench.ts'
import { most, ratioLeast } from './goal.ts'
import { lineOf, merge, range, readTable, writeTable } from './table.ts'

const bench: Bench = {
  name: 'hub',
  help: '',
  how: '',
  anchors: [],
  rounds: 1,
  rows: [],
  run: async () => ({}),
}
const three = (min: number, median: number, max: number) => ({ min, median, max, rounds: 3 })
const spec = { work: '1→1', figure: 'rate', unit: 'msg/s', against: 'crossbar' }

test('a range is middle, least and greatest; of one round, one number', () => {
  expect(range(three(1, 2, 3), 'ms')).toBe('2.00 (1.00–3.00) ms')
  expect(range({ min: 2, median: 2, max: 2, rounds: 1 }, '')).toBe('2.00')
  expect(range(undefined, 'ms')).toBe('–')
})

test('a goal of the ratio is judged by its median', () => {
  const measured = { ours: three(1, 60, 90), theirs: three(9, 10, 11), ratio: three(1, 6, 9) }
  const line = (goal: number) =>
    lineOf(bench, { spec: { ...spec, goal: ratioLeast(goal) }, ...measured }, 'today')
  expect(line(6)).toEqual({
    bench: 'hub',
    cells: '1→1 | 60.0 (1.00–90.0) msg/s | crossbar 10.0 (9.00–11.0) | 6.00 (1.00–9.00) × | ≥ 6.00 × | yes',
    run: 'today',
  })
  expect(line(6.1).cells).toEndWith('| ≥ 6.10 × | **no**')
})

test('a goal of our own is judged without theirs; nothing is judged that was not measured', () => {
  const goal = most(5)
  const alone = { theirs: undefined, ratio: undefined }
  const own = lineOf(bench, { spec: { ...spec, goal }, ours: three(1, 4, 6), ...alone }, 'today')
  expect(own.cells).toEndWith('| crossbar – |  | ≤ 5.00 | yes')
  const none = lineOf(bench, { spec: { ...spec, goal }, ours: undefined, ...alone }, 'today')
  expect(none).toMatchObject({ cells: '1→1 | not measured yet | crossbar – |  | ≤ 5.00 | ', run: '' })
})

const kept = {
  lines: [
    { bench: 'gone', cells: 'x | 1 |  |  |  | ', run: 'r0' },
    { bench: 'a', cells: 'a1 | 1 |  |  |  | ', run: 'r1' },
    { bench: 'b', cells: 'b1 | 2 |  |  |  | ', run: 'r1' },
    { bench: 'c', cells: 'c1 | not measured yet |  |  |  | ', run: '' },
  ],
  runs: new Map([
    ['r0', 'old machine'],
    ['r1', 'this machine: 2 cores'],
  ]),
}

test('what is written is read again, and the words around it stay', () => {
  const document = '# Performance\n\nWords before.\n'
  const text = writeTable(document, kept)
  expect(text).toStartWith(document)
  expect(readTable(text)).toEqual(kept)
  const more = text.replace('<!-- end -->', '<!-- end -->\nWords after.')
  expect(writeTable(more, kept)).toBe(more)
})

test('a bench that ran replaces its own lines only; runs without lines are forgotten', () => {
  const fresh = {
    lines: [
      { bench: 'b', cells: 'b1 | 3 |  |  |  | ', run: 'r2' },
      { bench: 'b', cells: 'b2 | 4 |  |  |  | ', run: 'r2' },
    ],
    runs: new Map([['r2', 'again']]),
  }
  const { lines, runs } = merge(kept, fresh, ['c', 'a', 'b'])
  expect(lines.map(({ bench, run }) => [bench, run])).toEqual([
    ['c', ''],
    ['a', 'r1'],
    ['b', 'r2'],
    ['b', 'r2'],
  ])
  expect([...runs.keys()]).toEqual(['r1', 'r2'])
})

test('a document without a table has none', () => {
  expect(readTable('# Performance\n| a | b |\n')).toEqual({ lines: [], runs: new Map() })
})
