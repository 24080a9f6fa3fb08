import { expect, test } from 'bun:test'
import { z } from 'zod'
import { MemoryHub } from '../bus/memory.ts'
import { type Agent, defineAgent } from '../core/agent.ts'
import { channels, type Presence, type Row } from '../core/channels.ts'
import type { FeedPublisher } from '../core/feed-spec.ts'
import { runAgent } from './run-agent.ts'

const root = 'observatory'
type Feeds = Readonly<Record<'fast' | 'held' | 'words', FeedPublisher>>

/** An agent on whose feeds the test publishes, and everything that it sends. */
async function publishing() {
  const feeds = Promise.withResolvers<Feeds>()
  const agent = defineAgent({
    class: 'FeedsAgent',
    help: 'Publishes.',
    args: z.object({}),
    feeds: {
      fast: {
        help: 'Two blocks.',
        record: true,
        blocks: {
          temps: {
            T1: { units: 'K', range: [0, 10], description: 'of the plate' },
            T2: { units: 'K' },
            n: { type: 'int' },
          },
          pressures: { p: { units: 'mbar', range: [null, 1] } },
        },
      },
      held: { help: 'Gathered.', record: true, buffer_time: 3600, blocks: { temps: { T1: {} } } },
      words: { help: 'Anything.', record: false, blocks: {} },
    },
    connect: async () => ({}),
  }).process('acq', { help: 'Wait.', startup: true }, async (op) => {
    feeds.resolve(op.feeds)
    await new Promise<void>((resolve) => op.signal.addEventListener('abort', () => resolve()))
  })
  const hub = new MemoryHub()
  const watcher = hub.connect('watcher')
  const rows: Row[] = []
  const last: unknown[] = []
  const messages: unknown[] = []
  const events: string[] = []
  let presence: Presence | undefined
  await watcher.subscribe(channels.feed, { root }, (row) => rows.push(row))
  await watcher.subscribe(channels.last, { root }, (values) => last.push(values))
  await watcher.subscribe(channels.message, { root }, ({ message }) => messages.push(message))
  await watcher.subscribe(
    channels.event,
    { root },
    ({ kind, text }) => kind === 'quarantine' && events.push(text),
  )
  await watcher.subscribe(channels.presence, { root }, (now) => {
    presence = now
  })
  const api = Promise.withResolvers<unknown>()
  await watcher.subscribe(channels.api, { root }, api.resolve)
  const running = await runAgent({
    agent: agent as unknown as Agent,
    args: {},
    identity: { root, instance: 'it', agentClass: 'FeedsAgent', session: 's', since: 1, version: '0' },
    bus: hub.connect('it'),
    log: () => {},
  })
  return {
    feeds: await feeds.promise,
    rows,
    last,
    messages,
    events,
    api: await api.promise,
    /** Stops the agent; returns the counters of its last presence. */
    async stop() {
      await running.stop()
      await Promise.resolve()
      return presence?.counters
    },
  }
}

test('a bad message or value is left out, counted and told once by its kind; the next is fine, on every block', async () => {
  const on = await publishing()
  const good = { T1: 4, T2: Number.NaN, n: 1 }
  const bad: Parameters<FeedPublisher['publish']>[] = [
    ['temps', 1, { T1: [1, 2], T2: [1, 2], n: [1, 2] }],
    ['temps', 1, { ...good, n: 1.5 }],
    ['temps', 1, { T1: 1, T2: 1 }],
    ['temps', Number.NaN, good],
    ['temps', 'noon' as never, good],
    ['temps', null as never, good],
    ['temps', 1, null as never],
    ['temps', [2, 1], { T1: [1, 2], T2: [1, 2], n: [1, 2] }],
    [' temps', 1, good],
  ]
  const half: Parameters<FeedPublisher['publish']>[] = [
    ['temps', [5, 5], { n: [1, 1], T2: [1, 1], T1: [1] }],
    ['temps', 5, { ...good, T1: 'warm' }],
    ['temps', 5, { ...good, T1: null as never }],
    ['temps', 5, { ...good, T1: { a: 1 } as never }],
    ['temps', 5, { ...good, '1st': 1 }],
    ['pressures', 5, { p: 1, name: 'x'.repeat(100_000) }],
  ]
  for (const [block, time, values] of [...bad, ...half]) {
    expect(() => on.feeds.fast.publish(block, time, values)).not.toThrow()
    on.feeds.fast.publish('temps', 5, good)
    on.feeds.fast.publish('pressures', 5, { p: 0.5 })
  }
  // The first message has one column too many in each of its three fields.
  expect((await on.stop())?.['quarantined']).toBe(bad.length + 2 + half.length)
  expect(on.events.length).toBe(8)
  expect(on.rows.length).toBe(2 * bad.length + 3 * half.length)
  expect(on.rows.at(-2)?.data).toEqual({ T1: [4], T2: ['NaN'], n: [1] })
})

test('values outside their range are kept and counted; NaN is not outside', async () => {
  const on = await publishing()
  on.feeds.fast.publish('temps', [1, 2, 3, 4], { T1: [-1, 0, 10, 11], T2: [1, 2, 3, 400], n: [1, 2, 3, 4] })
  on.feeds.fast.publish('temps', 5, { T1: Number.NaN, T2: 1, n: 5 })
  on.feeds.fast.publish('pressures', 5, { p: -1e9 })
  on.feeds.fast.publish('pressures', 6, { p: Infinity })
  const counters = await on.stop()
  expect(counters).toMatchObject({
    out_of_range: 3,
    'out_of_range fast.temps.T1': 2,
    'out_of_range fast.pressures.p': 1,
  })
  expect(on.rows[0]?.data['T1']).toEqual([-1, 0, 10, 11])
  expect(on.rows.at(-1)?.data['p']).toEqual(['Infinity'])
  expect(on.api).toMatchObject({
    feeds: {
      fast: { blocks: { temps: { T1: { units: 'K', range: [0, 10], description: 'of the plate' } } } },
    },
  })
})

test('co-sampled blocks at mixed rates keep times of their own', async () => {
  const on = await publishing()
  on.feeds.fast.publish('temps', [1, 1.1, 1.2], { T1: [1, 2, 3], T2: [4, 5, 6], n: [7, 8, 9] })
  on.feeds.fast.publish('pressures', 1, { p: 0.1 })
  on.feeds.fast.publish('temps', 1.3, { T1: 4, T2: 7, n: 10 })
  await on.stop()
  expect(on.rows.map(({ block, t }) => [block, t])).toEqual([
    ['temps', [1, 1.1, 1.2]],
    ['pressures', [1]],
    ['temps', [1.3]],
  ])
  expect(new Set(on.rows.map(({ epoch }) => epoch)).size).toBe(1)
  expect(on.last.at(-1)).toEqual({ timestamp: 1.3, T1: 4, T2: 7, n: 10, p: 0.1 })
})

test('what is gathered goes out when the agent stops', async () => {
  const on = await publishing()
  for (let t = 1; t <= 20; t++) on.feeds.held.publish('temps', t, { T1: t })
  expect(on.rows).toEqual([])
  await on.stop()
  expect(on.rows.map(({ t }) => t)).toEqual([Array.from({ length: 20 }, (_, i) => i + 1)])
})

test('a feed that is not recorded carries any JSON', async () => {
  const on = await publishing()
  on.feeds.words.send({ text: 'hello', list: [1, Number.NaN] })
  on.feeds.words.send(() => 1)
  on.feeds.words.send('x'.repeat(2 << 20))
  on.feeds.fast.send({ text: 'recorded' })
  on.feeds.words.send(null)
  expect((await on.stop())?.['quarantined']).toBe(3)
  expect(on.messages).toEqual([{ text: 'hello', list: [1, 'NaN'] }, null])
  expect(on.events[2]).toContain('a recorded feed takes blocks')
})
