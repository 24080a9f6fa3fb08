import { jest, setDefaultTimeout } from 'bun:test'

/** Milliseconds that pass at a time, and that are made up for at most after the process has stood still. */
const STEP_MS = 5
const MOST_MS = 50

// The busier the machine, the longer all that waits takes by the wall clock, by which the runner ends a test that hangs.
setDefaultTimeout(300_000)

/**
 * Answers a message after the time that it says, with how long it is since the last: in a thread of its own, since all timers
 * and clocks of this one are faked.
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
 * Until disposed, time goes by only while this process runs: a step at each turn of its event loop at most, and never faster
 * than the wall clock. Timers, time-outs, ages, `Date` and `performance.now()` all go by it, so that nothing that a test runs
 * in this process comes too late because the machine has no time for it.
 * For what is in one process, to be begun before it: another process goes by the wall clock, and finds this one's late.
 */
export function ownClock(): Disposable {
  const url = URL.createObjectURL(new Blob([METRONOME]))
  const metronome = new Worker(url)
  jest.useFakeTimers({ now: Date.now() })
  let due = 0
  // A message a step, since Bun takes in nothing else while it waits for `expect(…).rejects`.
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
