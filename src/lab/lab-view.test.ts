import { expect, jest, test } from 'bun:test'
import { connect } from 'node:net'
import { clockByTurns } from '../../test/turns-clock.ts'
import { testHub } from '../broker/hub.test-aid.ts'
import { MemoryHub } from '../bus/memory.ts'
import { connectMqtt, reached } from '../bus/mqtt.ts'
import { channels, type Presence } from '../core/channels.ts'
import { clockText } from './clock-text.ts'
import { viewLab } from './lab-view.ts'

const root = 'observatory'
const presence = (state: Presence['state'], session: string, time = Date.now() / 1000): Presence => ({
  state,
  session,
  since: 0,
  time,
  agent_class: 'X',
  host: 'h',
  pid: 1,
  version: '0',
})

test('the will and the goodbye of an earlier process say nothing about its successor', async () => {
  const hub = new MemoryHub()
  const agent = hub.connect('a')
  await using view = await viewLab(hub.connect('me'), root)
  const say = async (state: Presence['state'], session: string) => {
    await agent.publish(channels.presence, { root, instance: 'a' }, presence(state, session))
    await Promise.resolve()
    return view.instances.get('a')?.state
  }
  expect(await say('online', 's1')).toBe('online')
  expect(await say('lost', 's1')).toBe('lost')
  expect(await say('online', 's2')).toBe('online')
  expect(await say('lost', 's1')).toBe('online')
  expect(await say('offline', 's1')).toBe('online')
  expect(await say('offline', 's2')).toBe('offline')
})

test('an agent that is lost was heard of when its last beat came, not when its will was written', async () => {
  const hub = new MemoryHub()
  const agent = hub.connect('a')
  await using view = await viewLab(hub.connect('me'), root)
  for (const [state, time] of [
    ['online', 100],
    ['online', 400],
    ['lost', 100],
  ] as const)
    await agent.publish(channels.presence, { root, instance: 'a' }, presence(state, 's1', time))
  await Promise.resolve()
  expect(view.instances.get('a')?.presence).toMatchObject({ state: 'lost', time: 400 })
})

test('who looks later is told by the hub when an agent was lost, not when its will was written', async () => {
  const hub = new MemoryHub()
  const agent = hub.connect('a')
  const said = presence('lost', 's1', 100)
  await agent.publish(channels.presence, { root, instance: 'told' }, { ...said, left: 400 })
  await agent.publish(channels.presence, { root, instance: 'untold' }, said)
  await using view = await viewLab(hub.connect('me'), root)
  expect(view.of('told')).toMatchObject({ state: 'lost', left: 400, presence: { time: 400 } })
  expect(view.of('untold')).toMatchObject({ state: 'lost', left: 100 })
})

test('an agent whose beat is 15 s old is lost, whatever the hub retains', async () => {
  using _ = clockByTurns()
  const hub = new MemoryHub()
  const agent = hub.connect('a')
  await agent.publish(
    channels.presence,
    { root, instance: 'old' },
    presence('online', 's', Date.now() / 1000 - 60),
  )
  await agent.publish(channels.presence, { root, instance: 'new' }, presence('online', 's'))
  await using view = await viewLab(hub.connect('me'), root)
  await view.settled()
  expect([view.instances.get('old')?.state, view.instances.get('new')?.state]).toEqual(['lost', 'online'])
  const now = performance.now()
  const clock = jest.spyOn(performance, 'now').mockImplementation(() => now + 16_000)
  expect(view.instances.get('new')?.state).toBe('lost')
  clock.mockRestore()
})

test('an agent whose clock is wrong lives all the same, and that is said of its clock', async () => {
  const hub = new MemoryHub()
  const agent = hub.connect('a')
  const say = (instance: string, ahead: number) =>
    agent.publish(channels.presence, { root, instance }, presence('online', 's', Date.now() / 1000 + ahead))
  for (const ahead of [-3600, 0, 3600]) await say(`a${ahead}`, ahead)
  await using view = await viewLab(hub.connect('me'), root)
  const settled = view.settled()
  // What the hub has kept of one that is behind is as old as that of one that has gone: its next beat tells.
  setTimeout(() => void say('a-3600', -3600))
  await settled
  const found = ['a-3600', 'a0', 'a3600'].map((name) => view.of(name))
  expect(found.map((one) => one?.state)).toEqual(['online', 'online', 'online'])
  expect(found.map((one) => one && clockText(one))).toEqual([
    'its clock is 1 h 0 min behind',
    undefined,
    'its clock is 1 h 0 min ahead',
  ])
})

test('settled: all that a real hub retains has come, however much of it there is', async () => {
  const { hub } = await testHub()
  const names = Array.from({ length: 30 }, (_, n) => `a${n}`)
  const help = 'x'.repeat(50_000)
  for (const instance of names) {
    await using bus = connectMqtt({ url: hub.urls.mqtt, client: instance })
    await reached(bus, hub.urls.mqtt, 3600)
    await bus.publish(channels.presence, { root, instance }, presence('online', 's'))
    const api = { agent_class: 'X', help, ops: {}, queries: {}, feeds: {} }
    await bus.publish(channels.api, { root, instance }, api)
  }
  await using bus = connectMqtt({ url: hub.urls.mqtt, client: 'me' })
  await reached(bus, hub.urls.mqtt, 3600)
  await using view = await viewLab(bus, root)
  await view.settled()
  const known = [...view.instances].filter(([, { presence: there, api }]) => there && api)
  expect(known.map(([name]) => name).sort()).toEqual(names.sort())
  await hub.close()
})

test('without sessions it says who is there and what they declare', async () => {
  const hub = new MemoryHub()
  const [me, agent] = [hub.connect('me'), hub.connect('a')]
  const heard: string[] = []
  await using view = await viewLab(
    new Proxy(me, {
      get: (of, name) =>
        name === 'subscribe'
          ? (channel: (typeof channels)['presence'], ...more: [never, never]) => {
              heard.push(channel.pattern)
              return of.subscribe(channel, ...more)
            }
          : Reflect.get(of, name),
    }),
    root,
    { sessions: false },
  )
  await agent.publish(channels.presence, { root, instance: 'a' }, presence('online', 's1'))
  await Promise.resolve()
  expect(view.instances.get('a')?.state).toBe('online')
  expect(heard).toEqual([channels.presence.pattern, channels.api.pattern])
})

test('a reader does not acknowledge what is retained: that would wake the hub for each', async () => {
  const { hub } = await testHub()
  const url = hub.urls.mqtt
  const { port, hostname } = new URL(url)
  const socket = connect(Number(port), hostname)
  await using me = connectMqtt({ url, client: 'me', stream: () => socket })
  await using agent = connectMqtt({ url, client: 'a' })
  await Promise.all([reached(me, url, 60), reached(agent, url, 60)])
  let wake: (text: string) => void = () => {}
  await me.subscribe(channels.presence, { root }, ({ state }) => wake(state))
  await me.subscribe(channels.message, { root }, () => wake('message'))
  const heard = () => new Promise<string>((resolve) => (wake = resolve))
  /** Bytes that it sends for a message of its own, which comes back behind all that came before. */
  const sent = async () => {
    const before = socket.bytesWritten
    const back = heard()
    await me.publish(channels.message, { root, instance: 'me', feed: 'echo' }, { time: 1, message: 'x' })
    expect(await back).toBe('message')
    return socket.bytesWritten - before
  }
  const alone = await sent()
  const before = socket.bytesWritten
  const told = heard()
  await agent.publish(channels.presence, { root, instance: 'a' }, presence('online', 's1'))
  expect(await told).toBe('online')
  await sent()
  expect(socket.bytesWritten - before).toBe(alone)
  await hub[Symbol.asyncDispose]()
})
