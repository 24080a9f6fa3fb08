import { jest, setDefaultTimeout } from 'bun:test'

/** Milliseconds per step, and the maximum to catch up after the process has stood still. */
const STEP_MS = 5
const MOST_MS = 50

// On a busy machine all waits take longer by the wall clock, by which the runner ends a test that hangs.
setDefaultTimeout(300_000)

/**
 * Answers a message after the time that it gives, with the time since the last one: in a separate thread,
 * since all timers and clocks of this one are faked.
 */
const METRONOME = `
const never = new Int32Array(new SharedArrayBuffer(4))
let last = performance.now()
onmessage = ({ data: ms }) => {
  Atomics.wait(never, 0, 0, ms)
  const now = performance.now()
  postMessage(now - last)
  last = now
}`

/**
 * Until disposed, time advances only while this process runs: at most a step per turn of its event loop, and
 * never faster than the wall clock. Timers, time-outs, ages, `Date` and `performance.now()` all follow it, so
 * that nothing that a test runs in this process is late because the machine has no time for it. It is for
 * code within one process, and must be started before that: other processes use the wall clock, by which this
 * one is late.
 */
export function ownClock(): Disposable {
  const url = URL.createObjectURL(new Blob([METRONOME]))
  const metronome = new Worker(url)
  jest.useFakeTimers({ now: Date.now() })
  let due = 0
  // One message per step, since Bun accepts nothing else while it waits for `expect(…).rejects`.
  metronome.onmessage = ({ data: passed }: MessageEvent<number>) => {
    due += Math.min(passed, MOST_MS)
    if (due >= STEP_MS) {
      jest.advanceTimersByTime(STEP_MS)
      due -= STEP_MS
    }
    metronome.postMessage(due >= STEP_MS ? 0 : STEP_MS - due)
  }
  metronome.postMessage(STEP_MS)
  return {
    [Symbol.dispose]() {
      metronome.onmessage = null
      metronome.terminate()
      URL.revokeObjectURL(url)
      jest.useRealTimers()
    },
  }
}
