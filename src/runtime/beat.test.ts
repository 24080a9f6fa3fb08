import { afterEach, expect, jest, test } from 'bun:test'
import { BEAT_S } from '../core/channels.ts'
import { eachBeat } from './beat.ts'

afterEach(() => jest.useRealTimers())

test('all that share a process are called in the same moment, whenever they began, and no more once they end', () => {
  jest.useFakeTimers()
  const called: string[] = []
  const first = eachBeat(() => called.push('first'))
  jest.advanceTimersByTime(1000 * (BEAT_S - 1))
  const second = eachBeat(() => called.push('second'))
  jest.advanceTimersByTime(1000)
  expect(called).toEqual(['first', 'second'])
  first[Symbol.dispose]()
  jest.advanceTimersByTime(1000 * BEAT_S)
  expect(called).toEqual(['first', 'second', 'second'])
  second[Symbol.dispose]()
  jest.advanceTimersByTime(1000 * BEAT_S)
  expect(called).toHaveLength(3)
  // The next listener is the first again: it waits a whole beat.
  using _third = eachBeat(() => called.push('third'))
  jest.advanceTimersByTime(1000 * BEAT_S - 1)
  expect(called).toHaveLength(3)
  jest.advanceTimersByTime(1)
  expect(called.at(-1)).toBe('third')
})
