import type { Clock } from './clock.ts'

/** A clock that a test moves by hand: a sleep only advances this clock, and sleeps end in order. */
export interface FakeClock extends Clock {
  /** Advances the clock by this many ms, as work does. */
  spend(ms: number): void
  /** Every sleep so far, in ms. */
  readonly slept: number[]
}

/** A clock at 0 whose sleeps advance it and end at once; `onSleep` is called with the time at each. */
export function fakeClock(onSleep: (now: number) => void = () => {}): FakeClock {
  let now = 0
  const slept: number[] = []
  return {
    slept,
    now: () => now,
    spend: (ms) => {
      now += ms
    },
    sleep: async (ms, signal) => {
      if (signal.aborted) return
      slept.push(ms)
      now += ms
      onSleep(now)
    },
  }
}
