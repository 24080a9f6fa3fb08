import { afterEach, expect, jest, test } from 'bun:test'
import { STREAMS_OF_ONE, streams } from './streams.ts'

afterEach(() => {
  jest.useRealTimers()
})

const streamsOf = (watch: () => object) =>
  streams({
    nodes: { all: [] } as never,
    lab: { instances: new Map() } as never,
    history: { events: () => [] } as never,
    live: { watch } as never,
    build: '1',
    hub: () => true,
    log: () => {},
  })

test('one address shows as many pages as it may, and leaves room for others', async () => {
  jest.useFakeTimers()
  using all = streamsOf(() => ({ want: () => {}, [Symbol.dispose]: () => {} }))
  const { signal } = new AbortController()
  const one = Array.from({ length: 100 }, () => all.open(signal, '10.0.0.9'))
  expect(one.filter((stream) => stream !== undefined)).toHaveLength(STREAMS_OF_ONE)
  expect(all.open(signal, '10.0.0.8')).toBeDefined()
  await one[0]?.cancel()
  expect(all.open(signal, '10.0.0.9')).toBeDefined()
})

test('nothing is looked for while no page is open', async () => {
  jest.useFakeTimers()
  let watching = 0
  const watch = () => {
    watching++
    return { want: () => {}, [Symbol.dispose]: () => void watching-- }
  }
  using all = streamsOf(watch)
  const timers = () => jest.getTimerCount()
  expect(timers()).toBe(0)
  const leaving = new AbortController()
  const [first, second] = [all.open(leaving.signal, '::1'), all.open(new AbortController().signal, '::1')]
  const running = timers()
  expect(running).toBeGreaterThan(0)
  await first?.cancel()
  expect([timers(), watching]).toEqual([running, 1])
  await second?.cancel()
  expect([timers(), watching]).toEqual([0, 0])
  all.open(leaving.signal, '::1')
  expect(timers()).toBe(running)
  leaving.abort()
  expect([timers(), watching]).toEqual([0, 0])
})
