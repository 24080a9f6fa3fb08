import { jest } from 'bun:test'

/**
 * A time-out, ms, that no slow machine reaches: only the test runner's own ends a wait for something that
 * never comes.
 */
export const UNHURRIED_MS = 600_000

/**
 * Until disposed, all timers and clocks of this process follow the turns of its event loop, a millisecond
 * each: work in memory takes the same time on every machine. Of no use with sockets, whose bytes arrive
 * independently of turns.
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
