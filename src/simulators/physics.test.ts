import { expect, test } from 'bun:test'
import { UsageError } from '../core/errors.ts'
import { createCryostat, stageTemperature, startFraction } from './physics.ts'

test('every stage cools all the way, slowly at first, the pulse tube fastest between 0.45 and 0.6', () => {
  for (const stage of ['50K', '4K', 'still', 'mc'] as const) {
    const course = Array.from({ length: 101 }, (_, i) => stageTemperature(stage, i / 100))
    for (let i = 1; i < course.length; i++) expect(course[i]).toBeLessThan(course[i - 1] ?? 0)
    expect(course[0]).toBe(300)
  }
  expect(stageTemperature('50K', 9)).toBeCloseTo(44.9)
  expect(stageTemperature('4K', 1)).toBeCloseTo(3.77)
  expect(stageTemperature('still', 1)).toBeCloseTo(0.8)
  expect(stageTemperature('mc', 1)).toBeCloseTo(0.1)
})

test('the cooldown may begin at a fraction or at a temperature of the mixing chamber', () => {
  expect(startFraction('0.25')).toBe(0.25)
  expect(startFraction(1)).toBe(1)
  expect(stageTemperature('mc', startFraction('77K'))).toBeCloseTo(77)
  for (const bad of ['2', '-1', 'cold', '400K', '0K', ''])
    expect(() => startFraction(bad)).toThrow(UsageError)
})

test('speed scales the cooldown, not the drift', () => {
  const place = { stage: 'mc', key: '5' } as const
  const slow = createCryostat({ seed: 1, speed: 1, startAt: 0 })
  const fast = createCryostat({ seed: 1, speed: 60, startAt: 0 })
  expect(fast(place, 30) / slow(place, 1800)).toBeCloseTo(1, 1)
  const base = createCryostat({ seed: 1, speed: 1e6, startAt: 1 })
  const values = Array.from({ length: 300 }, (_, t) => base(place, t))
  const spread = Math.max(...values) / Math.min(...values)
  expect(spread).toBeGreaterThan(1.004)
  expect(spread).toBeLessThan(1.007)
})

test('the same seed gives the same cryostat, another seed another', () => {
  const place = { stage: '4K', key: '2' } as const
  const at = (seed: number): number => createCryostat({ seed, speed: 1, startAt: 0.7 })(place, 12.3)
  expect(at(7)).toBe(at(7))
  expect(at(7)).not.toBe(at(8))
})
