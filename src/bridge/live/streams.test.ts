import { afterEach, expect, jest, test } from 'bun:test'
import { streams } from './streams.ts'

afterEach(() => {
  jest.useRealTimers()
})

test('nothing is looked for while no page is open', async () => {
  jest.useFakeTimers()
  let watching = 0
  const watch = () => {
    watching++
    return { want: () => {}, [Symbol.dispose]: () => void watching-- }
  }
  using all = streams({
    nodes: { all: [] } as never,
    lab: { instances: new Map() } as never,
    history: { events: () => [] } as never,
    live: { watch } as never,
    build: '1',
    hub: () => true,
    log: () => {},
  })
  const timers = () => jest.getTimerCount()
  expect(timers()).toBe(0)
  const leaving = new AbortController()
  const [first, second] = [all.open(leaving.signal), all.open(new AbortController().signal)]
  const running = timers()
  expect(running).toBeGreaterThan(0)
  await first?.cancel()
  expect([timers(), watching]).toEqual([running, 1])
  await second?.cancel()
  expect([timers(), watching]).toEqual([0, 0])
  all.open(leaving.signal)
  expect(timers()).toBe(running)
  leaving.abort()
  expect([timers(), watching]).toEqual([0, 0])
})
