import { jest } from 'bun:test'
import type { Clock } from './clock.ts'

/** A time-out, ms, that no slowness of the machine passes: only what never comes is ended by the test runner's own. */
export const UNHURRIED_MS = 600_000

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

/**
 * Has all timers and clocks of this process go by turns of its event loop, a millisecond each, until disposed of: what
 * happens in memory takes the same time on every machine. Of no use with sockets, whose bytes need no turns to come.
 */
export function clockByTurns(): Disposable {
  jest.useFakeTimers()
  let going = true
  const turn = () => {
    if (!going) return
    jest.advanceTimersByTime(1)
    setImmediate(turn)
  }
  setImmediate(turn)
  return {
    [Symbol.dispose]: () => {
      going = false
      jest.useRealTimers()
    },
  }
}
