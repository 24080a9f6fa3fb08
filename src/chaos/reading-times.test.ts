import { expect, test } from 'bun:test'
import { judgeTimes, type Timed } from './reading-times.ts'

/** Forty sweeps of four readings; the time is taken 2 ms before the first is sent, the next sweep is due 0.25 s later. */
const readings: Timed[] = Array.from({ length: 160 }, (_, i) => {
  const sweep = 1000 + Math.floor(i / 4) * 0.25
  return { value: i + 1, sent: sweep + 0.002 + (i % 4) * 0.01, t: sweep }
})
const shifted = (by: number, which: (value: number) => boolean = () => true) =>
  readings.map((reading) => (which(reading.value) ? { ...reading, t: reading.t + by } : reading))
const found = (list: readonly Timed[], ...more: Parameters<typeof judgeTimes>[1]) =>
  judgeTimes(list, more).wrong.map(({ value }) => value)

test('times taken between the reading before and the first of a sweep are true', () => {
  const { wrong, bounds } = judgeTimes(readings, [])
  expect(wrong).toEqual([])
  // From the last of one sweep to the first of the next.
  expect(bounds).toHaveLength(39)
  for (const bound of bounds) expect(bound).toBeCloseTo(0.22)
})

test.each([0.5, -0.5, 0.003, -0.23])('times that are %d s off are found, all of them', (by) => {
  // Nothing is known of the time before the first sweep.
  expect(found(shifted(by))).toHaveLength(by > 0 ? 160 : 156)
})

test('one sweep that is off is found by itself, and by how much', () => {
  const one = shifted(0.5, (value) => value > 80 && value <= 84)
  expect(found(one)).toEqual([81, 82, 83, 84])
  expect(judgeTimes(one, []).wrong[0]?.why).toBe('its time is 0.498 s after it was sent')
  const early = shifted(-0.5, (value) => value > 80 && value <= 84)
  expect(judgeTimes(early, []).wrong[0]?.why).toBe(
    'its time is 0.282 s before the reading before it was sent',
  )
})

test('a busy machine makes the bounds wide, and no time wrong', () => {
  const busy = readings.map(({ value, sent, t }) => {
    const late = 3 * Math.floor((value - 1) / 4)
    // The agent stands still for 2 s between taking the time and asking.
    return { value, sent: sent + late + 2, t: t + late }
  })
  expect(found(busy)).toEqual([])
})

test('readings that are missing make the bounds wider, and no time wrong', () => {
  expect(found(readings.filter(({ value }) => value % 7 > 2))).toEqual([])
  expect(found(readings.filter(({ value }) => value <= 8 || value > 120))).toEqual([])
})

test('a clock that was set shifts times by as much, for as long, and by nothing else', () => {
  const set = { from: 1003, to: 1005, ahead: -3600 }
  const during = (value: number) => value > 60 && value <= 80
  expect(found(shifted(-3600, during), set)).toEqual([])
  // Each process looks at the clock in its turn: before that it has the true time.
  expect(found(readings, set)).toEqual([])
  expect(found(shifted(-3599.5, during), set)).toHaveLength(20)
  expect(
    found(
      shifted(-3600, (value) => value <= 40),
      set,
    ),
  ).not.toEqual([])
  expect(
    found(
      shifted(-3600, (value) => value > 140),
      set,
    ),
  ).toHaveLength(20)
  expect(found(shifted(0.5), set)).toHaveLength(160)
})

test('a time that a file has rounded is still true', () => {
  const rounded = readings.map(({ value, sent }) => {
    const sweep = readings[value - 1 - ((value - 1) % 4)]
    return { value, sent, t: (sweep?.sent ?? 0) + 5e-7 }
  })
  expect(found(rounded)).toEqual([])
})
