import { expect, test } from 'bun:test'
import { changes, strided, thin } from './decimate.ts'

const times = (n: number) => Float64Array.from({ length: n }, (_, i) => 1_700_000_000 + i / 10)

test('few samples stay as they are', () => {
  expect(thin(times(5), new Float64Array(5), 5)).toEqual([0, 1, 2, 3, 4])
  expect(thin(times(0), new Float64Array(0), 1)).toEqual([])
})

test('spikes both ways and the newest sample stay, in order, never more than asked for', () => {
  const values = Float64Array.from({ length: 36_000 }, (_, i) => Math.sin(i / 1000))
  values[12_345] = 99
  values[23_456] = -99
  for (const points of [1, 2, 3, 4, 10, 684, 1000, 35_999]) {
    const kept = thin(times(36_000), values, points)
    expect(kept.length).toBeLessThanOrEqual(points)
    expect(kept.at(-1)).toBe(35_999)
    expect(kept).toEqual([...new Set(kept)].sort((a, b) => a - b))
    if (points > 3) {
      expect(kept).toContain(12_345)
      expect(kept).toContain(23_456)
    }
  }
})

test('a stretch without values keeps a sample without one, so that the hole shows', () => {
  const values = Float64Array.from({ length: 1000 }, (_, i) => (i >= 400 && i < 600 ? Number.NaN : i))
  const kept = thin(times(1000), values, 51).map((i) => values[i])
  expect(kept.filter((value) => Number.isNaN(value)).length).toBeGreaterThan(3)
})

test('equal times and a least width', () => {
  expect(thin(new Float64Array(100).fill(5), new Float64Array(100).fill(1), 11)).toEqual([0, 99])
  const kept = thin(times(1000), times(1000), 1000, 10)
  expect(kept.length).toBe(20)
})

test('texts keep their changes and the newest', () => {
  expect(changes(['a', 'a', 'b', 'b', 'b', 'a', 'a'], 4)).toEqual([0, 2, 5, 6])
  expect(changes(['a', 'b'], 2)).toEqual([0, 1])
  expect(changes(['a', 'b', 'c', 'd'], 2)).toEqual([2, 3])
})

test('a stride is the least time between two samples', () => {
  expect(strided(Float64Array.of(0, 1, 2, 3, 10, 11, 12), 2)).toEqual([0, 2, 4, 6])
})
