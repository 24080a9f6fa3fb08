/**
 * A lab that runs for long takes no more memory and no more descriptors, and misses nothing.
 * `SOAK_SECONDS=1800` and `SOAK_FAST_HOURS=24 SOAK_SPEED=50` are the long runs, of which the second shows
 * growth; `SOAK_LOG=FILE` keeps each look.
 */
import { setDefaultTimeout, test } from 'bun:test'
import { FastClock } from './fast-clock.ts'
import { soak } from './soak.ts'

setDefaultTimeout(24 * 3_600_000)

const SECONDS = Number(process.env['SOAK_SECONDS'] ?? 6)
const FAST_HOURS = Number(process.env['SOAK_FAST_HOURS'] ?? 0.05)
const SPEED = Number(process.env['SOAK_SPEED'] ?? 20)

test('by the real clock: 0 gaps, descriptors and memory stay', async () => {
  await soak(SECONDS, 10)
})

test('by a clock that runs many times as fast: 0 gaps, descriptors and memory stay', async () => {
  await using clock = await FastClock.start(SPEED)
  await soak(FAST_HOURS * 3600, 0.2, clock)
})
