import { jest, setDefaultTimeout } from 'bun:test'

/** Milliseconds that pass at a time, and that are made up for at most after the process has stood still. */
const STEP_MS = 5
const MOST_MS = 50

// The busier the machine, the longer all that waits takes by the wall clock, by which the runner ends a test that hangs.
setDefaultTimeout(300_000)

/**
 * Answers a message after a step of the wall clock, with how long it is since the last: in a thread of its own, since all
 * timers and clocks of this one are faked.
 */
const METRONOME = `
const never = new Int32Array(new SharedArrayBuffer(4))
let last = performance.now()
onmessage = () => {
  Atomics.wait(never, 0, 0, ${STEP_MS})
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
  let going = true
  metronome.onmessage = async ({ data: passed }: MessageEvent<number>) => {
    due += Math.min(passed, MOST_MS)
    for (; due >= STEP_MS && going; due -= STEP_MS) {
      jest.advanceTimersByTime(STEP_MS)
      await new Promise(setImmediate)
    }
    if (going) metronome.postMessage(0)
  }
  metronome.postMessage(0)
  return {
    [Symbol.dispose]() {
      going = false
      metronome.terminate()
      URL.revokeObjectURL(url)
      jest.useRealTimers()
    },
  }
}
