import { afterEach, expect, jest, test } from 'bun:test'
import { STREAMS_OF_ONE, streams } from './streams.ts'

afterEach(() => {
  jest.useRealTimers()
})

const streamsOf = (watch: () => object) =>
  streams({
    nodes: { all: [] } as never,
    lab: { instances: new Map(), settled: async () => {} } as never,
    history: { events: () => [] } as never,
    live: { watch } as never,
    build: '1',
    root: 'observatory',
    hub: () => true,
    expected: () => [],
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

test('an instance that is to be up and has not been heard of is shown, once it is known who is there', async () => {
  jest.useFakeTimers()
  const settled = Promise.withResolvers<void>()
  const presence = { state: 'online', agent_class: 'A', since: 1, time: 1, host: 'h' }
  const view = { presence, api: undefined, sessions: new Map(), state: 'online' }
  const instances = new Map([['here', view]])
  let hub = true
  using all = streams({
    nodes: { online: () => [] } as never,
    lab: { instances, settled: () => settled.promise } as never,
    history: { events: () => [] } as never,
    live: { watch: () => ({ want: () => {}, [Symbol.dispose]: () => {} }) } as never,
    build: '1',
    root: 'observatory',
    hub: () => hub,
    expected: () => [
      { instance: 'here', agentClass: 'A', host: 'h' },
      { instance: 'away', agentClass: 'B', host: 'other' },
      { instance: 'spoilt', agentClass: 'C', host: 'h', why: 'a fault' },
    ],
    log: () => {},
  })
  const reader = all.open(new AbortController().signal, '::1')?.getReader()
  /** The state of agents as the page receives it, by event. */
  const told = async () => {
    const { value } = (await reader?.read()) ?? {}
    const events = [...new TextDecoder().decode(value).matchAll(/^event: (\w+)\ndata: (.*)$/gm)]
    return events.flatMap(([, name, data = '']) => {
      const { instance, state, host, why } = JSON.parse(data)
      if (name === 'forgotten') return [`${instance} forgotten`]
      return name === 'agent' ? [[instance, state, host, why].join(' ')] : []
    })
  }
  expect(await told()).toEqual(['here online h '])
  settled.resolve()
  await settled.promise
  jest.advanceTimersByTime(500)
  expect(await told()).toEqual(['away absent other ', 'spoilt absent h a fault'])
  // Without the hub nobody knows.
  hub = false
  jest.advanceTimersByTime(500)
  expect(await told()).toEqual(['away forgotten', 'spoilt forgotten'])
  hub = true
  instances.set('away', view)
  jest.advanceTimersByTime(500)
  expect(await told()).toEqual(['away online h ', 'spoilt absent h a fault'])
})
