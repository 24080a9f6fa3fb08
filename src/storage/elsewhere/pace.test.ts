import { expect, test } from 'bun:test'
import { fakeClock } from '../../core/clock.test-aid.ts'
import { Pace } from './pace.ts'

const { signal } = new AbortController()

test('bytes have their time, and what is not used is not saved up', async () => {
  const clock = fakeClock()
  const pace = new Pace(1000, clock)
  await pace.took(500, signal)
  await pace.took(2000, signal)
  expect(clock.now()).toBe(2500)
  clock.spend(60_000)
  await pace.took(1000, signal)
  expect(clock.now()).toBe(63_500)
})

test('without a limit nothing waits', async () => {
  const clock = fakeClock()
  await new Pace(undefined, clock).took(1e12, signal)
  expect(clock.slept).toEqual([])
})
