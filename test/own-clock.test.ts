import { expect, test } from 'bun:test'
import { ownClock } from './own-clock.ts'

/** Blocks this thread, as a machine does that has no time for it. */
const keep = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
const turn = () => new Promise(setImmediate)

test('time in which a process does not run does not pass; all that waits goes by the same clock', async () => {
  const before = Date.now()
  using _ = ownClock()
  const begun = performance.now()
  const over: string[] = []
  const late = Promise.withResolvers<void>()
  setTimeout(() => late.resolve(void over.push('time-out')), 200)
  AbortSignal.timeout(190).addEventListener('abort', () => over.push('signal'))
  keep(400)
  for (let turns = 0; turns < 5; turns++) await turn()
  expect(over).toEqual([])
  await late.promise
  expect(over).toEqual(['signal', 'time-out'])
  expect(performance.now() - begun).toBeGreaterThanOrEqual(200)
  expect(Date.now() - before).toBeGreaterThanOrEqual(200)
})

test('afterwards the wall clock counts again', () => {
  {
    using _ = ownClock()
  }
  const begun = performance.now()
  keep(20)
  expect(performance.now() - begun).toBeGreaterThanOrEqual(19)
})
