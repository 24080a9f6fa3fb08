import { afterEach, expect, jest, test } from 'bun:test'
import { fakeClock } from './clock.test-aid.ts'
import { poll } from './poll.ts'

function operation(controller = new AbortController()) {
  const texts: string[] = []
  const session = { degraded: false, log: (text: string) => void texts.push(text) }
  return { op: { session, signal: controller.signal }, texts, stop: () => controller.abort() }
}

afterEach(() => {
  jest.useRealTimers()
})

/** The times at which each `read` begins, in ms, if the readings take these durations in turn. */
async function times(frequency: number, readings: number[], texts?: string[]): Promise<number[]> {
  const clock = fakeClock()
  const { op, stop, texts: logged } = operation()
  const begun: number[] = []
  await poll(
    frequency,
    op,
    async () => {
      begun.push(clock.now())
      clock.spend(readings[begun.length - 1] ?? 0)
      if (begun.length === readings.length) stop()
    },
    { clock },
  )
  texts?.push(...logged)
  return begun.map(Math.round)
}

test('the time a reading takes does not slow the rate', async () => {
  expect(await times(10, [90, 10, 0, 99, 50])).toEqual([0, 100, 200, 300, 400])
})

test('a little late begins at once, and the beat is kept', async () => {
  expect(await times(10, [110, 10, 10])).toEqual([0, 110, 200])
})

test('missed beats are left out, not bunched, and this is said once', async () => {
  const texts: string[] = []
  expect(await times(10, [370, 10, 260, 10], texts)).toEqual([0, 400, 500, 800])
  expect(texts).toEqual(['0.37 s late for a reading at 10 Hz: some readings are skipped'])
})

test('that readings are in time again is said after a minute of them, and a later delay is told anew', async () => {
  const texts: string[] = []
  await times(1, [2900, ...Array(59).fill(10)], texts)
  expect(texts).toEqual(['2.90 s late for a reading at 1 Hz: some readings are skipped'])
  texts.length = 0
  await times(1, [2900, ...Array(30).fill(10), 2900, ...Array(60).fill(10), 1900, 10], texts)
  expect(texts).toEqual([
    '2.90 s late for a reading at 1 Hz: some readings are skipped',
    'readings have been on time for 60 s, at 1 Hz',
    '1.90 s late for a reading at 1 Hz: some readings are skipped',
  ])
})

test('a steady overload keeps nearly the rate it can have', async () => {
  const begun = await times(5, Array(101).fill(205))
  expect((begun.at(-1) ?? 0) / 100).toBeLessThan(211)
})

test('a thousand readings a second are a thousand, though timers go by whole milliseconds and come late', async () => {
  const clock = fakeClock()
  const { op, stop } = operation()
  let count = 0
  const read = async () => {
    clock.spend(0.1)
    if (++count === 1000) stop()
  }
  const coarse = {
    ...clock,
    sleep: async (ms: number) => {
      if (ms > 0) clock.spend(Math.max(1, Math.floor(ms)) + (count % 10 === 0 ? 2 : 0.4))
    },
  }
  await poll(1000, op, read, { clock: coarse })
  expect(clock.now()).toBeWithin(990, 1010)
})

test('nothing to wait for takes no time, only a turn of the event loop', async () => {
  jest.useFakeTimers()
  const { op, stop } = operation()
  let count = 0
  // Each reading takes as long as its beat. Time stands still between readings: a timer would never fire.
  const read = async () => {
    jest.advanceTimersByTime(1)
    if (++count === 3) stop()
  }
  await poll(1000, op, read)
  expect(count).toBe(3)
})

test('an error ends the poll, unless somebody takes it', async () => {
  const clock = fakeClock()
  const broken = operation()
  await expect(poll(1, broken.op, () => Promise.reject(new Error('no')), { clock })).rejects.toThrow('no')

  const { op, stop } = operation()
  const degraded: boolean[] = []
  const errors: unknown[] = []
  let count = 0
  const read = async () => {
    degraded.push(op.session.degraded)
    if (++count === 2) throw new Error('no reply')
    if (count === 4) stop()
  }
  await poll(1, op, read, { clock, onError: (error) => errors.push(error) })
  expect(degraded).toEqual([false, false, true, false])
  expect(errors).toEqual([new Error('no reply')])
})

test('the signal ends a wait at once, and swallows the error of the reading it cut', async () => {
  const waiting = operation()
  const polled = poll(0.001, waiting.op, async () => void setTimeout(waiting.stop, 1))
  await polled
  const reading = operation()
  await poll(1, reading.op, async () => {
    reading.stop()
    throw new Error('cut')
  })
})
