import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { Row } from './channels.ts'
import { FieldName } from './names.ts'
import { parseBounded, TimeColumn, Wire, WireColumn, WireColumns } from './wire.ts'

const VALUES: unknown[] = [0, -1.5, 1e308, '', 'NaN', true, false, null]
const ODD: unknown[] = [Number.NaN, Infinity, {}, [], [1], undefined, 5n]

describe.each([
  ['values', WireColumn, z.array(Wire)],
  ['times', TimeColumn, z.array(z.number())],
] as const)('a column of %s', (_, column, plain) => {
  test.each([[], VALUES, [1, 2], ...VALUES.map((value) => [1, value]), ...ODD.map((value) => [1, value, 2])])(
    'is taken, and refused with the same faults, as zod takes it (%#)',
    (...values) => {
      const [own, theirs] = [column.safeParse(values), plain.safeParse(values)]
      expect({ ...own, error: own.error?.issues }).toEqual({
        ...theirs,
        error: theirs.error?.issues,
      } as never)
    },
  )

  test.each([undefined, null, 'a', 3, { length: 0 }])('is no %p', (value) => {
    expect(column.safeParse(value).error?.issues).toEqual(plain.safeParse(value).error?.issues as never)
  })

  test('keeps its values when another is refused beside it', () => {
    const row = z.object({ t: column, n: z.number() })
    expect(row.safeParse({ t: [1], n: 'x' }).error?.issues.map(({ path }) => path)).toEqual([['n']])
  })
})

const named = (...names: string[]) => Object.fromEntries(names.map((name) => [name, VALUES]))

describe('the columns of a row', () => {
  const plain = z.record(FieldName, z.array(Wire))
  test.each<[unknown]>([
    [{}],
    [named('a', '_b', 'T_1')],
    [named('a', 'a'.repeat(255))],
    [named('a', 'a'.repeat(256))],
    [named('a', '1', 'a b', '')],
    [JSON.parse('{"a": [1], "__proto__": [2]}')],
    [{ a: [1], b: 2 }],
    [{ a: [1], b: [1, {}] }],
    [{ a: undefined }],
    [[[1]]],
    [null],
    [undefined],
    ['a'],
    [new Date(0)],
    [Object.create(null)],
  ])('are taken, and refused with the same faults, as zod takes them (%#)', (value) => {
    const [own, theirs] = [WireColumns.safeParse(value), plain.safeParse(value)]
    expect({ ...own, error: own.error?.issues }).toEqual({
      ...theirs,
      error: theirs.error?.issues,
    } as never)
    if (own.success)
      expect(Object.getOwnPropertyNames(own.data)).toEqual(Object.getOwnPropertyNames(theirs.data))
  })
})

describe('a row', () => {
  const row = { epoch: 'e1', seq: 1, block: 'Channel 1', t: [1.5], data: named('a', 'b') }
  const { seq: _, ...unnumbered } = row
  // An object made by zod has no short way of ours.
  const plain = z.object(Row.shape)
  const ODD_SEQS = [0, -1, 1.5, 2 ** 53, '1', null].map((seq) => ({ ...row, seq }))
  const ODD_NAMES = ['', '-e', 'a/b', 'a'.repeat(64), 3].map((epoch) => ({ ...row, epoch }))
  const ODD_BLOCKS = ['', ' a', 'a ', '__proto__', 'a'.repeat(256), 3].map((block) => ({ ...row, block }))

  test.each<[unknown]>([[row], [unnumbered], [{ ...row, seq: 2 ** 53 - 1 }], [{ ...row, t: [], data: {} }]])(
    'that fits is taken as it is (%#)',
    (value) => {
      expect<unknown>(Row.parse(value)).toBe(value)
      expect<unknown>(plain.parse(value)).toEqual(value)
    },
  )

  const odd: unknown[] = [
    ...[...ODD_SEQS, ...ODD_NAMES, ...ODD_BLOCKS],
    ...[
      { ...row, more: 1 },
      { ...unnumbered, more: 1 },
    ],
    ...[
      { ...row, t: [null] },
      { ...row, data: { a: 1 } },
      { ...row, data: { '1': [1] } },
    ],
    ...[{ seq: 1 }, [], null, 'a', new Date(0), Object.create(null)],
    JSON.parse('{"epoch": "e1", "block": "b", "t": [1], "data": {}, "__proto__": {"seq": 1}}'),
  ]
  test.each(odd.map((value) => [value]))(
    'is otherwise taken, and refused with the same faults, as zod takes it (%#)',
    (value) => {
      const [own, theirs] = [Row.safeParse(value), plain.safeParse(value)]
      expect({ ...own, error: own.error?.issues }).toEqual({
        ...theirs,
        error: theirs.error?.issues,
      } as never)
      if (own.success) expect<unknown>(own.data).not.toBe(value)
    },
  )
})

describe('JSON of a message', () => {
  const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
  const flat = `[${Array(1000).fill('[],{}').join()}]`

  test.each([deep(64), `{"a":${deep(63)}}`, flat, JSON.stringify(deep(100)), `"${'\\"['.repeat(100)}"`])(
    'is read however many lists it has, as long as they are not deep (%#)',
    (text) => expect(parseBounded(text)).toEqual(JSON.parse(text)),
  )

  test.each([deep(65), `{"a":${deep(64)}}`, '{"a":['.repeat(33), `[${deep(30)},${deep(64)}]`])(
    'is refused where it is deep (%#)',
    (text) => expect(() => parseBounded(text)).toThrow(RangeError),
  )
})
