import { expect, test } from 'bun:test'
import type { Known } from '../lab/catalog.ts'
import { plotPicture } from './plot-picture.ts'

const T0 = 1_700_000_000
const frame = { columns: 80, rows: 22, from: T0, to: T0 + 60, colour: false }
const metric = (field: string, units: string | null = 'K') =>
  ({ text: `LS::${field}`, node: 'LS', field, about: { type: 'double', units } }) as unknown as Known
const many = (count: number, units?: string) =>
  Array.from({ length: count }, (_, n) => metric(`T${n}`, units))
const curve = () => ({ t: [T0, T0 + 60], values: [1, 2] })
const named = (lines: readonly string[]) => lines.join('\n').match(/LS::\w+/g)?.length

test('sixteen curves are all named and drawn, within the frame', () => {
  const lines = plotPicture(many(16), curve, frame, { isWhole: false, left: 0 })
  expect(named(lines)).toBe(16)
  expect(lines.length).toBeLessThanOrEqual(22)
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80)
})

test('what has no room is counted; printed once nothing is left out', () => {
  const live = plotPicture(many(64), curve, { ...frame, columns: 30 }, { isWhole: false, left: 3 })
  const shown = named(live) ?? 0
  expect(live.length).toBeLessThanOrEqual(22)
  expect(live).toContain(`${67 - shown} more do not fit: name those to plot`)
  expect(named(plotPicture(many(64), curve, { ...frame, columns: 30 }, { isWhole: true, left: 0 }))).toBe(64)
})

test('what has other units has a scale of its own', () => {
  const level = (value: number) => () => ({ t: [T0, T0 + 60], values: [value, value + 1] })
  const both = [metric('T'), metric('V', 'V')]
  const lines = plotPicture(both, (one) => level(one.field === 'T' ? 300 : 1)(), frame, {
    ...{ isWhole: false, left: 0 },
  })
  expect(lines.length).toBeLessThanOrEqual(22)
  const [kelvin, volt] = [lines.indexOf('K'), lines.indexOf('V')]
  expect(lines[kelvin + 1]).toStartWith('       301│')
  expect(lines[volt + 1]).toStartWith('         2│')
})

test('the colour of a curve is that of its name', () => {
  const lines = plotPicture(
    [metric('T'), metric('V', 'V')],
    curve,
    { ...frame, colour: true },
    {
      ...{ isWhole: false, left: 0 },
    },
  )
  const text = lines.join('\n')
  expect(text).toContain('\x1b[33mLS::V')
  expect(text.slice(text.indexOf('\nV\n'))).not.toContain('\x1b[36m')
})
