import { afterEach, expect, mock, spyOn, test } from 'bun:test'
import { watchClock } from './unix-seconds.ts'

afterEach(() => mock.restore())

test('a clock that somebody sets is seen, and one that goes on is not, also when the process is put aside', () => {
  const utc = spyOn(Date, 'now')
  const uptime = spyOn(performance, 'now')
  const at = (date: number, up: number) => {
    utc.mockReturnValue(date)
    uptime.mockReturnValue(up)
  }
  at(1_000_000, 5000)
  const set = watchClock()
  at(1_060_000, 65_000)
  expect(set()).toBe(0)
  // Three seconds between one look and the other.
  uptime.mockReturnValueOnce(68_000)
  expect(set()).toBe(0)
  at(1_060_500, 65_000)
  expect(set()).toBe(0.5)
  at(1_059_500, 65_000)
  expect(set()).toBe(-0.5)
})
