import { pause } from './pause.ts'

/** Time as the loops of this folder see it, so that a test can hold it still. */
export interface Clock {
  /** Monotonic time in ms. */
  now(): number
  /** Resolves after `ms`, when that is nothing after this turn of the event loop, or as soon as the signal aborts; never rejects. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

/** The real clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  // A timer of 0 ms takes one.
  sleep: (ms, signal) => (ms > 0 ? pause(ms, signal) : new Promise((resolve) => setImmediate(resolve))),
}
