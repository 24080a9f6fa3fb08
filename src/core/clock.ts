import { pause } from './pause.ts'

/** Time as the loops of this folder see it; a test can hold it still. */
export interface Clock {
  /** Monotonic time in ms. */
  now(): number
  /**
   * Resolves after `ms`, or as soon as the signal aborts; at 0 or less after this turn of the event loop.
   * Never rejects.
   */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

/** The real clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  // A timer of 0 ms takes 1 ms.
  sleep: (ms, signal) => (ms > 0 ? pause(ms, signal) : new Promise((resolve) => setImmediate(resolve))),
}
