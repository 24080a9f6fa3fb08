import { afterEach, expect, jest, test } from 'bun:test'
import { z } from 'zod'
import type { Bus } from '../bus/bus.ts'
import { MemoryHub } from '../bus/memory.ts'
import { type Agent, defineAgent, type SessionHandle } from '../core/agent.ts'
import { BEAT_S, channels } from '../core/channels.ts'
import type { FeedPublisher } from '../core/feed-spec.ts'
import type { OpSession } from '../core/ops.ts'
import { caller } from '../lab/request-client.ts'
import { runAgent } from './run-agent.ts'

const root = 'observatory'

/** An agent whose process and task the test controls, and all that it published. */
async function announcing(hub = new MemoryHub(), bus: Bus = hub.connect('it')) {
  const began = Promise.withResolvers<{ session: SessionHandle<unknown>; feed: FeedPublisher }>()
  const busy = Promise.withResolvers<SessionHandle<unknown>>()
  const run = async (signal: AbortSignal) =>
    new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
  const agent = defineAgent({
    class: 'TellingAgent',
    help: 'Tells.',
    args: z.object({}),
    feeds: { counts: { help: 'Counts.', record: false, blocks: { count: { n: { type: 'int' } } } } },
    connect: async () => ({}),
  })
    .process('acq', { help: 'Read.', startup: true }, ({ session, feeds, signal }) => {
      began.resolve({ session, feed: feeds.counts })
      return run(signal)
    })
    .task('sweep', { help: 'Sweep.' }, ({ session, signal }) => {
      busy.resolve(session)
      return run(signal)
    })
  const eye = hub.connect('eye')
  const told: { readonly op: string; readonly session: OpSession }[] = []
  const last: unknown[] = []
  await eye.subscribe(channels.session, { root }, (session, { op }) => {
    told.push({ op, session: structuredClone(session) })
  })
  await eye.subscribe(channels.last, { root }, ({ n }) => {
    last.push(n)
  })
  const running = await runAgent({
    agent: agent as unknown as Agent,
    args: {},
    identity: { root, instance: 'it', agentClass: 'TellingAgent', session: 's', since: 1, version: '0' },
    bus,
    log: () => {},
  })
  const ask = await caller(eye, root)
  await ask.request('it', 'sweep', 'start')
  return { ...(await began.promise), sweep: await busy.promise, told, last, running, ask }
}

test('what starts with an agent has a session before anybody is told of the agent', async () => {
  const hub = new MemoryHub()
  const eye = hub.connect('eye')
  const told: string[] = []
  await eye.subscribe(channels.session, { root }, ({ status }) => told.push(status))
  await eye.subscribe(channels.presence, { root }, ({ state }) => told.push(state))
  const agent = defineAgent({
    class: 'TellingAgent',
    help: 'Tells.',
    args: z.object({}),
    feeds: {},
    connect: async () => ({}),
  }).process('acq', { help: 'Read.', startup: true }, async () => {})
  const identity = { root, instance: 'it', agentClass: 'TellingAgent', session: 's', since: 1, version: '0' }
  const running = await runAgent({
    agent: agent as unknown as Agent,
    args: {},
    identity,
    bus: hub.connect('it'),
    log: () => {},
  })
  expect(told.slice(0, 2)).toEqual(['starting', 'online'])
  await running.stop()
})

/** Advances time and runs everything that this triggers. */
async function pass(seconds: number): Promise<void> {
  for (let ms = 0; ms < 1000 * seconds; ms += 10) {
    jest.advanceTimersByTime(10)
    for (let n = 0; n < 10; n++) await Promise.resolve()
  }
}

afterEach(() => {
  jest.useRealTimers()
})

test('what an earlier version left on the hub goes, and nothing else', async () => {
  const hub = new MemoryHub()
  const before = hub.connect('before')
  const session: OpSession = {
    ...{ session_id: 1, op_name: 'old', op_code: 5, status: 'done', degraded: false, success: true },
    ...{ start_time: 1, end_time: 2, data: {}, started_by: 'x', messages: [] },
  }
  await before.publish(channels.session, { root, instance: 'it', op: 'old' }, session)
  await before.publish(channels.session, { root, instance: 'other', op: 'old' }, session)
  await before.publish(channels.last, { root, instance: 'it', feed: 'gone' }, { timestamp: 1 })
  await before.publish(channels.last, { root, instance: 'it', feed: 'counts' }, { timestamp: 1, n: 7 })
  const { running } = await announcing(hub)
  const eye = hub.connect('late')
  const kept: string[] = []
  await eye.subscribe(
    channels.session,
    { root },
    (_, { instance, op }) => void kept.push(`${instance} ${op}`),
  )
  await eye.subscribe(channels.last, { root }, (_, { feed }) => void kept.push(feed))
  await caller(eye, root).then((ask) => ask.request('it', 'sweep', 'status'))
  expect(kept.sort()).toEqual(['counts', 'it acq', 'it sweep', 'other old'])
  await running.stop()
})

test('an agent looks for what an earlier version left behind, and then hears no more of what it says itself', async () => {
  jest.useFakeTimers()
  const hub = new MemoryHub()
  const bus = hub.connect('it')
  const own = new Set<unknown>([channels.session, channels.last])
  let open = 0
  const subscribe = bus.subscribe.bind(bus)
  bus.subscribe = async (to, ...more) => {
    const subscription = await subscribe(to, ...more)
    if (!own.has(to)) return subscription
    open++
    return {
      async [Symbol.asyncDispose]() {
        open--
        await subscription[Symbol.asyncDispose]()
      },
    }
  }
  const { running } = await announcing(hub, bus)
  expect(open).toBe(2)
  await pass(2 * BEAT_S + 1)
  expect(open).toBe(0)
  await running.stop()
})

test('what changes each second is told each 5 s, and at once after a pause; the last of it is never left out', async () => {
  jest.useFakeTimers()
  const { session, feed, told, last, running } = await announcing()
  const before = told.length
  for (let n = 1; n <= 60; n++) {
    session.set({ n })
    feed.publish('count', n, { n })
    await pass(1)
  }
  const sessions = told.slice(before)
  expect(sessions.length).toBeGreaterThanOrEqual(12)
  expect(sessions.length).toBeLessThanOrEqual(14)
  expect(last.length).toBeGreaterThanOrEqual(12)
  expect(last.length).toBeLessThanOrEqual(14)
  await pass(5)
  expect(told.at(-1)?.session.data).toEqual({ n: 60 })
  expect(last.at(-1)).toBe(60)
  await pass(5)
  // Nothing has changed, so nothing is published.
  const counts = [told.length, last.length]
  await pass(20)
  expect([told.length, last.length]).toEqual(counts)
  session.set({ n: 61 })
  feed.publish('count', 61, { n: 61 })
  await pass(0.01)
  expect(told.at(-1)?.session.data).toEqual({ n: 61 })
  expect(last.at(-1)).toBe(61)
  // Values pending when the agent stops must still reach those who look later.
  feed.publish('count', 62, { n: 62 })
  await running.stop()
  await pass(0.01)
  expect(last.at(-1)).toBe(62)
})

test('what waits goes out with the beat, so that hub and readers wake once for all of it', async () => {
  jest.useFakeTimers()
  const hub = new MemoryHub()
  const { session, feed, sweep, running } = await announcing(hub)
  /** The times at which the agent was heard, s. */
  const heard = new Set<number>()
  const eye = hub.connect('ear')
  for (const channel of [channels.presence, channels.session, channels.last])
    await eye.subscribe<string, z.ZodType>(channel, { root }, (_, _address, { retained }) => {
      if (!retained) heard.add(Math.round(performance.now() / 100) / 10)
    })
  for (let n = 1; n <= 65; n++) {
    if (n === 6) heard.clear()
    session.set({ n })
    if (n < 3) sweep.set({ n })
    // Not together with the session's messages.
    await pass(0.5)
    feed.publish('count', n, { n })
    await pass(0.5)
  }
  expect(heard.size).toBeGreaterThanOrEqual(12)
  expect(heard.size).toBeLessThanOrEqual(13)
  await running.stop()
})

test('what was told a moment before a beat goes out with the next beats all the same', async () => {
  jest.useFakeTimers()
  const hub = new MemoryHub()
  const { session, feed, running } = await announcing(hub)
  let beats = 0
  const eye = hub.connect('ear')
  await eye.subscribe(channels.presence, { root }, (_, _address, { retained }) => {
    if (!retained) beats++
  })
  // To a moment before a beat, with a pause before it, so that each is told at once.
  while (beats < 1) await pass(0.01)
  await pass(4.9)
  session.log('a cable is loose')
  feed.publish('count', 0, { n: 0 })
  await pass(0.5)
  /** The times at which the agent is heard, ms. */
  const heard = new Set<number>()
  for (const channel of [channels.presence, channels.session, channels.last])
    await eye.subscribe<string, z.ZodType>(channel, { root }, (_, _address, { retained }) => {
      if (!retained) heard.add(performance.now())
    })
  beats = 0
  for (let n = 1; n <= 300; n++) {
    session.set({ n })
    feed.publish('count', n, { n })
    await pass(0.2)
  }
  expect(beats).toBeGreaterThanOrEqual(12)
  expect(heard.size).toBe(beats)
  await running.stop()
})

test('a message, and how a task gets on, are told within a second; a state at once, with the data that waited', async () => {
  jest.useFakeTimers()
  const { session, sweep, told, running } = await announcing()
  // Data set at the beginning of an operation comes soon, and for a short operation with its end.
  session.set({ n: 0 })
  await pass(0.9)
  expect(told.findLast(({ op }) => op === 'acq')?.session.data).toEqual({})
  await pass(0.2)
  expect(told.findLast(({ op }) => op === 'acq')?.session.data).toEqual({ n: 0 })
  const acq = () => told.findLast(({ op }) => op === 'acq')?.session
  await pass(10)
  session.set({ n: 1 })
  await pass(0.5)
  session.set({ n: 2 })
  await pass(1)
  expect(acq()?.data).toEqual({ n: 1 })
  session.log('a cable is loose')
  await pass(0.01)
  expect(acq()).toMatchObject({ data: { n: 2 } })
  expect(acq()?.messages.at(-1)?.[1]).toBe('a cable is loose')
  await pass(1)
  // Data that something acts on, such as an alarm, waits no longer than messages.
  session.set({ n: 2.5 }, true)
  await pass(0.01)
  expect(acq()).toMatchObject({ data: { n: 2.5 } })
  session.set({ n: 3 })
  const known = told.length
  session.degraded = true
  await Promise.resolve()
  expect(told.length).toBe(known + 1)
  expect(acq()).toMatchObject({ data: { n: 3 }, degraded: true })
  const begun = told.filter(({ op }) => op === 'sweep').length
  for (let n = 1; n <= 10; n++) {
    sweep.set({ n })
    await pass(1)
  }
  expect(told.filter(({ op }) => op === 'sweep').length - begun).toBeGreaterThanOrEqual(9)
  await running.stop()
})
