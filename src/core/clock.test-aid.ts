import type { Clock } from './clock.ts'

/** A clock that a test moves by hand: a sleep takes no time but its own, all in order. */
export interface FakeClock extends Clock {
  /** Lets this many ms go by, as work does. */
  spend(ms: number): void
  /** Every sleep so far, in ms. */
  readonly slept: number[]
}

/** A clock at 0 whose sleeps end at once, having moved it on; `onSleep` is called with the time at each. */
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
