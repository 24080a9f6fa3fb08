import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { TimeColumn, Wire, WireColumn } from './wire.ts'

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
