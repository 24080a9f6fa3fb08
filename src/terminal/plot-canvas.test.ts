import { expect, test } from 'bun:test'
import { drawCurves } from './plot-canvas.ts'

const T0 = 1_700_000_000
const frame = { columns: 31, rows: 6, from: T0, to: T0 + 40, colour: false }
const width = (line: string) => [...line].length

test('a ramp goes from the lower left to the upper right, with its scale and its times', () => {
  const t = Array.from({ length: 41 }, (_, i) => T0 + i)
  const lines = drawCurves([{ t, values: t.map((_, i) => 4 + i / 10) }], frame)
  expect(lines).toHaveLength(6)
  expect(lines.map((line) => line.slice(0, 11))).toEqual([
    '         8│',
    '          │',
    '         6│',
    '          │',
    '         4│',
    '           ',
  ])
  // The first line has its dots at the right, the last at the left.
  expect(lines[0]?.slice(11).search(/[^ ]/)).toBeGreaterThan(12)
  expect(lines[4]?.slice(11).search(/[^ ]/)).toBe(0)
  expect(width(lines[0] ?? '')).toBe(31)
  expect(lines[5]).toBe('           22:13:20Z  22:14:00Z'.replace('22:13:20Z  22', '22:13:20Z  22'))
})

test('a spike of one sample among many reaches the top; a hole stays a hole', () => {
  const t = Array.from({ length: 4000 }, (_, i) => T0 + i / 100)
  const values = t.map((_, i) => (i === 2000 ? 100 : i > 3000 ? null : 0))
  const [top = '', ...rest] = drawCurves([{ t, values }], frame)
  expect(top.slice(11).trim()).toHaveLength(1)
  expect(rest[3]?.slice(11).length).toBeLessThan(17)
})

test('one value, none, and a constant can be drawn', () => {
  for (const curve of [
    { t: [], values: [] },
    { t: [T0], values: [4.2] },
    { t: [T0, T0 + 1], values: [0, 0] },
    { t: [T0], values: [null] },
  ])
    expect(drawCurves([curve], frame)).toHaveLength(6)
})

test('on 80 by 24 nothing is wider or higher', () => {
  const t = Array.from({ length: 1000 }, (_, i) => T0 + i / 25)
  const curve = { t, values: t.map((_, i) => Math.sin(i / 50) * 1e-7) }
  const lines = drawCurves([curve, curve], { ...frame, columns: 80, rows: 24 })
  expect(lines).toHaveLength(24)
  expect(Math.max(...lines.map(width))).toBeLessThanOrEqual(80)
})

test('the scale has the digits of the resolution, and no more than tell its lines apart', () => {
  const scale = (values: readonly number[], resolution?: number) => {
    const t = values.map((_, i) => T0 + i)
    const lines = drawCurves([{ t, values }], { ...frame, rows: 4, resolution })
    return [lines[0], lines[2]].map((line = '') => line.slice(0, 10).trim())
  }
  expect(scale([4.2, 4.2004], 1e-4)).toEqual(['4.2004', '4.2000'])
  expect(scale([4, 8], 1e-4)).toEqual(['8.0', '4.0'])
  expect(scale([4.20004, 4.20012], 1e-4)).toEqual(['4.2001', '4.2000'])
  expect(scale([1e-9, 3e-9], 1e-11)).toEqual(['3.0e-9', '1.0e-9'])
  expect(scale([1e-9, 3e-9])).toEqual(['3e-9', '1e-9'])
})
