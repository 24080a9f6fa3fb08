import { jest } from 'bun:test'

/** A time-out, ms, that no slowness of the machine passes: only what never comes is ended by the test runner's own. */
export const UNHURRIED_MS = 600_000

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
