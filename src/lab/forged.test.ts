import { expect, test } from 'bun:test'
import { MemoryHub } from '../bus/memory.ts'
import { channels, type Row } from '../core/channels.ts'
import type { FeedSink } from '../core/feed-sink.ts'
import { count, counts } from '../runtime/counts.test-aid.ts'
import { follow } from './follow.ts'
import { caller } from './request-client.ts'

const root = 'observatory'

test('a reply of another instance is no answer, though it has the id; nor is a piece of one', async () => {
  const hub = new MemoryHub()
  const [agent, evil] = [hub.connect('agent'), hub.connect('evil')]
  await agent.subscribe(channels.query, { root, instance: 'agent' }, ({ id }, { client }) => {
    const forged = { id, status: 0, msg: '', result: 'forged' } as const
    void evil.publish(channels.reply, { root, instance: 'evil', client, id }, forged)
    const piece = { id, status: 0, msg: '', part: 0, parts: 1, piece: '"forged"' } as const
    void evil.publish(channels.reply, { root, instance: 'evil', client, id }, piece)
    void agent.publish(channels.reply, { root, instance: 'agent', client, id }, { ...forged, result: 'true' })
  })
  await using ask = await caller(hub.connect('me'), root)
  expect(await ask.query('agent', 'history', {})).toBe('true')
})

const row = (epoch: string, seq: number, n: number): Row => ({ ...count(epoch, n), seq })
const answer = (feed: string, epoch: string, rows: Row[]) => ({
  feed,
  epoch,
  rows,
  declaration: counts,
  next: 4,
  head: 3,
})

test.each([
  ['another instance answers', 'evil', 'counts', 'e1'],
  ['of another feed', 'counter', 'other', 'e1'],
  ['of another epoch', 'counter', 'counts', 'e0'],
])('a replay is answered by who was asked, for what was asked: %s', async (_, from, feed, epoch) => {
  const hub = new MemoryHub()
  const agent = hub.connect('counter')
  const forger = hub.connect(from)
  const ids: string[] = []
  await agent.subscribe(channels.replay, { root, instance: 'counter' }, ({ id }, { client }) => {
    ids.push(id)
    const forged = answer(
      feed,
      epoch,
      [1, 2, 3].map((seq) => row(epoch, seq, 666)),
    )
    void forger.publish(channels.replayed, { root, instance: from, client, id }, forged)
    const unreadable = `${root}/${from}/replayed/${client}/${id}`
    if (from !== 'counter') hub.say(unreadable, '{')
    const genuine = answer(
      'counts',
      'e1',
      [1, 2, 3].map((seq) => row('e1', seq, seq)),
    )
    void agent.publish(channels.replayed, { root, instance: 'counter', client, id }, genuine)
  })
  const got: unknown[] = []
  const done = Promise.withResolvers<void>()
  const sink: FeedSink = {
    wants: () => true,
    position: () => 0,
    rows: (_, __, rows) => {
      for (const { seq, data } of rows) got.push([seq, data['n']?.[0]])
      if (got.length >= 3) done.resolve()
      return true
    },
    gap: (...given) => got.push(given),
  }
  await using _follower = await follow(hub.connect('recorder'), root, sink)
  const about = { since: 0, time: 0, agent_class: 'X', host: 'h', pid: 1, version: '0' }
  const feeds = { counts: { spool: 's', epochs: [{ epoch: 'e1', first: 1, last: 3, acked: 0 }] } }
  void agent.publish(
    channels.presence,
    { root, instance: 'counter' },
    { state: 'online', session: 's', ...about, feeds },
  )
  await done.promise
  expect(got).toEqual([
    [1, 1],
    [2, 2],
    [3, 3],
  ])
  // Nobody guesses the next: they are random.
  expect(ids[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4/)
})

test('a presence makes its instance speak for no other', async () => {
  const hub = new MemoryHub()
  const evil = hub.connect('evil')
  const wanted = new Set<string>()
  const asked: string[] = []
  const eye = hub.connect('eye')
  await eye.subscribe(channels.replay, { root }, (_, { instance }) => void asked.push(instance))
  const sink: FeedSink = {
    wants: (instance) => {
      wanted.add(instance)
      return true
    },
    position: () => 0,
    rows: () => true,
    gap: () => {},
  }
  await using _ = await follow(hub.connect('recorder'), root, sink)
  const feeds = { counts: { spool: 's', epochs: [{ epoch: 'e1', first: 1, last: 3, acked: 0 }] } }
  const about = { since: 0, time: 0, agent_class: 'X', host: 'h', pid: 1, version: '0' }
  const presence = JSON.stringify({ state: 'online', session: 's', ...about, feeds, drains: 'ls240' })
  hub.say(`${root}/evil/presence`, presence)
  for (const id of ['evil', 'evil-drain-0a1b2c3d'])
    await evil.publish(channels.drains, { root, instance: id, of: 'ls240' }, { feeds })
  hub.say(`${root}/honest/presence`, presence)
  // All that a hub in memory has is delivered within this turn, and asked for.
  await new Promise((resolve) => setImmediate(resolve))
  expect([...wanted]).toEqual(['evil', 'honest'])
  expect(asked).toEqual(['evil', 'honest'])
})
