import { expect, test } from 'bun:test'
import { Curve } from '../page/curve.ts'
import { axisTexts, shownCells, withUnit } from '../page/format.ts'
import { groupsOf } from '../page/groups.ts'
import { shade } from '../page/shade.ts'
import { reachOf, staleAfter } from '../page/stale.ts'

const filled = (t: number[]) => {
  const curve = new Curve()
  curve.append(t, t)
  return curve
}

test('live samples come once and in order; the past takes their place but for what is newer', () => {
  const curve = new Curve()
  expect(curve.append([10, 11], [1, 2])).toBe(0)
  expect(curve.append([11, 12, 40], [2, 3, 4])).toBe(1)
  expect(curve.append([70], [5])).toBe(30)
  expect([curve.t, curve.values]).toEqual([
    [10, 11, 12, 40, 70],
    [1, 2, 3, 4, 5],
  ])
  curve.replace([9, 10, 25, 40], [0, 1, 9, 4])
  expect([curve.t, curve.values]).toEqual([
    [9, 10, 25, 40, 70],
    [0, 1, 9, 4, 5],
  ])
  curve.replace([], [])
  expect(curve.t).toEqual([9, 10, 25, 40, 70])
  expect([curve.at(8), curve.at(24.9), curve.at(99)]).toEqual([
    undefined,
    { time: 10, value: 1 },
    { time: 70, value: 5 },
  ])
})

test('what is older than the span goes, but never the newest sample', () => {
  const curve = filled(Array.from({ length: 1000 }, (_, i) => i))
  curve.trim(600)
  expect([curve.t[0], curve.values[0], curve.t.length]).toEqual([600, 600, 400])
  curve.trim(5000)
  expect(curve.t).toEqual([999])
})

test('a hole is not joined, the pauses of a scanner are; texts are not drawn', () => {
  const steady = Array.from({ length: 100 }, (_, i) => i)
  const [t, values] = filled([...steady, 130, 131]).drawn(90, {})
  expect(t).toEqual([90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 114.5, 130, 131])
  expect(values[10]).toBeNull()
  const scanned = Array.from({ length: 10 }, (_, i) => [i * 60, i * 60 + 1, i * 60 + 2]).flat()
  expect(filled(scanned).drawn(0, {})[1]).not.toContain(null)
  const curve = new Curve()
  curve.append([1, 2, 3, 4], [true, 'high', null, 2])
  expect(curve.drawn(0, {})).toEqual([
    [1, 2, 3, 4],
    [1, null, null, 2],
  ])
  expect(curve.drawn(9, {})).toEqual([[], []])
})

test.each([
  [
    [4.2, 4.25, 4.3],
    ['4.20', '4.25', '4.30'],
  ],
  [
    [0, 50, 100],
    ['0', '50', '100'],
  ],
  [
    [1.0e-5, 1.2e-5, 1.4e-5],
    ['1.0e-5', '1.2e-5', '1.4e-5'],
  ],
  [
    [0, 1e-7, 2e-7],
    ['0', '1.0e-7', '2.0e-7'],
  ],
  [
    [2e6, 4e6],
    ['2.0e6', '4.0e6'],
  ],
  [
    [4.1231, 4.1232],
    ['4.1231', '4.1232'],
  ],
])('the ticks %p are told apart as %p', (ticks, texts) => {
  expect(axisTexts(ticks)).toEqual(texts)
})

test('a small value has an exponent, whether its resolution is known or not', () => {
  expect(withUnit(1.22709e-5, { units: 'mbar', resolution: null })).toBe('1.22709e-5 mbar')
  expect(withUnit(1.22709e-5, { units: 'mbar', resolution: 1e-7 })).toBe('1.23e-5 mbar')
})

test('values have the digits of their resolution', () => {
  const kelvin = { units: 'K', resolution: 0.001 }
  expect([4.2, 300.12345, null, undefined].map((value) => withUnit(value, kelvin))).toEqual([
    '4.200 K',
    '300.123 K',
    'no value',
    '–',
  ])
  expect(withUnit(4.2, { units: 'K', resolution: null })).toBe('4.20000 K')
  const status = { units: null, resolution: null, bits: { 1: 'invalid', 16: 'below its curve' } }
  expect([0, -1, 17, null].map((value) => withUnit(value, status))).toEqual([
    ...['ok', 'not read', 'invalid, below its curve', 'no value'],
  ])
})

test('what is recorded in tenths is shown in whole units; texts and what has no value stay', () => {
  expect(shownCells([1203, null, 'low', true], { factor: 0.1 })).toEqual([120.3, null, 'low', true])
})

test('a curve knows since when its samples are no number', () => {
  const since = (...values: (number | null)[]) => {
    const curve = new Curve()
    curve.append(
      values.map((_, i) => 10 + i),
      values,
    )
    return curve.nothingSince
  }
  expect([since(), since(1, null, 2), since(1, null, null), since(null, null)]).toEqual([
    ...[undefined, undefined, 11, null],
  ])
})

test('an operation shades the plots of what its own agent reads, and no other', () => {
  const run = (instance: string) => ({ instance, op: 'warm', start: 0, end: null, state: 'running' as const })
  const runs = [run('ls336'), run('psu')]
  expect(shade(runs, [{ instance: 'psu' }])).toEqual([run('psu')])
  expect(shade(runs, [{ instance: 'psu' }, { instance: 'ls336' }])).toEqual(runs)
  expect(shade(runs, [{ instance: null }])).toEqual([])
})

test('a slow field has its last value from before what is shown; one that has missed a sample is old', () => {
  const [diode, weather] = [0.4, 600].map((rhythm) => ({ rhythm, interval: null }))
  expect([diode, weather].map((field) => staleAfter(field as never))).toEqual([10, 1205])
  expect(staleAfter({ rhythm: null, interval: 60 })).toBe(300)
  expect(reachOf(300, [diode, weather] as never)).toBe(1205)
  expect(reachOf(300, [diode] as never)).toBe(300)
})

test('fields that differ by numbers alone are drawn together, those with units first, 16 at most', () => {
  const field = (name: string, units: string | null) => ({
    ...{ metric: `N::${name}`, field: name, units },
    ...{
      type: 'number' as const,
      instance: 'n',
      factor: 1,
      description: null,
      resolution: null,
      rhythm: null,
      bits: null,
      interval: 1,
    },
  })
  const fields = [
    field('status_1', null),
    ...Array.from({ length: 18 }, (_, i) => field(`ch_${i + 1}_T`, 'K')),
    field('ch_1_V', 'V'),
  ]
  const groups = groupsOf({ name: 'N', description: '', archive: false, fields: fields.toReversed() })
  expect(groups.map(({ title, units, fields: list }) => [title, units, list.length])).toEqual([
    ['ch_1_V', 'V', 1],
    ['ch_1_T … ch_16_T', 'K', 16],
    ['ch_17_T … ch_18_T', 'K', 2],
    ['status_1', null, 1],
  ])
  expect(new Set(groups.map(({ key }) => key)).size).toBe(4)
  expect(groupsOf({ name: 'N', description: '', archive: false, fields: [] })).toEqual([])
})
