import { expect, test } from 'bun:test'
import { thin } from '../datanode/decimate.ts'
import { overdueAfter, withGaps } from './rhythm.ts'

test('a sample is missing after two of its rhythm, and a few seconds for what is late', () => {
  expect([0.1, 60, 195].map((rhythm) => overdueAfter(rhythm))).toEqual([5.2, 125, 395])
  expect([60, 600].map((rhythm) => overdueAfter(rhythm, 180))).toEqual([180, 1205])
})

const HOUR = 3600
/** Times over some seconds: `count` samples `step` s apart, every `every` s, each slightly off. */
const sampled = (seconds: number, every: number, count = 1, step = 0) => {
  const late = (i: number) => (0.2 * step || 0.02 * every) * Math.abs(Math.sin(i * 12.9898))
  return Array.from({ length: Math.floor(seconds / every) }, (_, i) =>
    Array.from({ length: count }, (_, k) => i * every + k * step + late(i * count + k)),
  ).flat()
}
const fields = {
  'a diode each 0.4 s': { times: (s: number) => sampled(s, 0.4), rhythm: 0.4 },
  'a scanner’s bursts every 105 s': { times: (s: number) => sampled(s, 105, 70, 0.1), rhythm: 105 },
  'a scanner’s short bursts every 105 s': { times: (s: number) => sampled(s, 105, 3, 1), rhythm: 105 },
  'a minute': { times: (s: number) => sampled(s, 60), rhythm: 60 },
  'weather every 10 min': { times: (s: number) => sampled(s, 600), rhythm: 600 },
}
const table = Object.entries(fields)
  .flatMap(
    ([name, { times, rhythm }]) =>
      [rhythm, undefined].flatMap((declared) =>
        [1, 6, 24, 24 * 7].map((hours) => ({ name, times, rhythm, declared, hours })),
      ),
    // Six samples show no rhythm.
  )
  .filter(({ rhythm, declared, hours }) => declared !== undefined || hours * HOUR > 10 * rhythm)

/** A data node's answer for a panel 1000 points wide. */
const POINTS = 1000
const drawn = (times: readonly number[], span: number, declared: number | undefined, until?: number) => {
  const t = Float64Array.from(times)
  const kept = thin(t, t.map(Math.sin), POINTS).map((i) => times[i] as number)
  const width = (2 * span) / POINTS
  return withGaps(kept, kept, { rhythm: declared, width, ...(until !== undefined && { until }) })
}
const gaps = (t: readonly number[], values: readonly (number | null)[]) =>
  t.filter((_, i) => values[i] === null)

test.each(table)(
  '$name, rhythm $declared, $hours h: no gap where sampling goes on; a stop that can be seen is one, and so is the end',
  ({ times, rhythm, declared, hours }) => {
    const span = hours * HOUR
    const all = times(span)
    expect(gaps(...drawn(all, span, declared, all.at(-1)))).toEqual([])
    // Long enough to span a few points, so that it cannot be a single missing sample.
    const stop = Math.max(1200, 4 * rhythm, (10 * span) / POINTS)
    const [from, to] = [span * 0.4, span * 0.4 + stop]
    const cut = all.filter((time) => time < from || time > to)
    const [t, values] = drawn(cut, span, declared, span)
    const found = gaps(t, values)
    expect(found.length).toBe(1)
    expect(found[0]).toBeGreaterThan(from - rhythm)
    expect(found[0]).toBeLessThan(to + rhythm)
    const before = all.filter((time) => time < from)
    const ended = drawn(before, span, declared, span)
    expect([gaps(...ended), ended[0].at(-1)]).toEqual([[span], span])
  },
)

test('what comes when it likes has gaps where they are unusual, and no end', () => {
  const t = Array.from({ length: 100 }, (_, i) => i * 10 + 9 * Math.sin(i * i))
  expect(withGaps([...t, 2000], t, { until: 9000 })[0]).toContain(((t.at(-1) as number) + 2000) / 2)
  expect(withGaps(t, t, { until: 9000 })[0].at(-1)).toBe(t.at(-1) as number)
  expect(withGaps([5], [1], { until: 9000 })).toEqual([[5], [1]])
  expect(withGaps([], [], { until: 9000, rhythm: 1 })).toEqual([[], []])
})

test('a value that is none stays where it is, and breaks the line alone', () => {
  expect(withGaps([0, 1, 2, 60], [1, null, 3, 4], { rhythm: 1 })).toEqual([
    [0, 1, 2, 31, 60],
    [1, null, 3, null, 4],
  ])
})
