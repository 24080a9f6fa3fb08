import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { z } from 'zod'
import { folder } from '../../test/temporary.ts'
import { UNHURRIED_MS } from '../../test/turns-clock.ts'
import type { Bus } from '../bus/bus.ts'
import { MemoryHub } from '../bus/memory.ts'
import { type Agent, defineAgent } from '../core/agent.ts'
import { channels, type Row } from '../core/channels.ts'
import { TransportError } from '../core/errors.ts'
import type { FeedSink } from '../core/feed-sink.ts'
import { follow } from '../lab/follow.ts'
import { caller } from '../lab/request-client.ts'
import { runAgent } from './run-agent.ts'
import { Spool } from './spool/spool.ts'

/** Runs an agent under the identity of its bus. */
const run = (agent: Agent, bus: Bus, spool?: Spool) =>
  runAgent({
    agent,
    args: {},
    identity: {
      root: 'observatory',
      instance: bus.client,
      agentClass: agent.spec.class,
      session: crypto.randomUUID(),
      since: 1,
      version: '0',
    },
    bus,
    spool,
    log: () => {},
  })

/** An agent that publishes one row on each command. */
const counting = () => {
  let tick: (n: number) => void = () => {}
  const started = Promise.withResolvers<void>()
  const agent = defineAgent({
    class: 'CounterAgent',
    help: 'Counts.',
    args: z.object({}),
    feeds: { counts: { help: 'Counts.', record: true, blocks: { count: { n: { type: 'int' } } } } },
    connect: async () => ({}),
  }).process('acq', { help: 'Count.', startup: true }, async ({ feeds, signal }) => {
    tick = (n) => feeds.counts.publish('count', n, { n })
    started.resolve()
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
  })
  return { agent: agent as unknown as Agent, tick: (n: number) => tick(n), started: started.promise }
}

/** Collects rows of every feed; `until` resolves when a condition holds. */
const collector = () => {
  const rows: Row[] = []
  const gaps: [number, number][] = []
  let check = () => {}
  const last = new Map<string, number>()
  const sink: FeedSink = {
    wants: () => true,
    position: ({ epoch }) => last.get(epoch) ?? 0,
    rows: ({ epoch }, _, batch) => {
      rows.push(...batch)
      last.set(epoch, batch.at(-1)?.seq ?? 0)
      check()
      return true
    },
    gap: (_, from, to) => {
      gaps.push([from, to])
      check()
    },
  }
  const until = (condition: () => boolean) =>
    new Promise<void>((resolve) => {
      check = () => condition() && resolve()
      check()
    })
  return { rows, gaps, sink, until, values: () => rows.map((row) => row.data['n']?.[0]) }
}

test('rows reach a reader in order, once, whether it was there or came later', async () => {
  const hub = new MemoryHub()
  const spool = new Spool(join(folder(), 'counter.sqlite'))
  const bus = hub.connect('counter')
  const { agent, tick, started } = counting()
  const running = await run(agent, bus, spool)
  await started
  const early = collector()
  await using reader = await follow(hub.connect('early'), 'observatory', early.sink)
  for (let n = 1; n <= 50; n++) tick(n)
  await early.until(() => early.rows.length === 50)
  const late = collector()
  await using second = await follow(hub.connect('late'), 'observatory', late.sink)
  for (let n = 51; n <= 60; n++) tick(n)
  await late.until(() => late.rows.length === 60)
  await early.until(() => early.rows.length === 60)
  const all = Array.from({ length: 60 }, (_, i) => i + 1)
  expect(early.values()).toEqual(all)
  expect(late.values()).toEqual(all)
  expect([reader.state.holes, second.state.behind, early.gaps.length]).toEqual([0, 0, 0])
  await running.stop()
})

test('a hub that was away loses nothing, and a restarted agent continues in a new epoch', async () => {
  const hub = new MemoryHub()
  const path = join(folder(), 'counter.sqlite')
  const first = counting()
  let spool = new Spool(path)
  const start = (agent: Agent) => run(agent, hub.connect('counter'), spool)
  let running = await start(first.agent)
  const got = collector()
  await using _ = await follow(hub.connect('reader'), 'observatory', got.sink)
  await first.started
  first.tick(1)
  await got.until(() => got.rows.length === 1)
  hub.stop()
  first.tick(2)
  first.tick(3)
  await spool.flush()
  hub.start()
  await got.until(() => got.rows.length === 3)
  await running.stop()
  const second = counting()
  spool = new Spool(path)
  running = await start(second.agent)
  await second.started
  second.tick(4)
  await got.until(() => got.rows.length === 4)
  expect(got.values()).toEqual([1, 2, 3, 4])
  expect(new Set(got.rows.map(({ epoch }) => epoch)).size).toBe(2)
  await running.stop()
})

test('start, status and stop over the bus; a repeated request acts once; a late one not at all', async () => {
  const hub = new MemoryHub()
  const { agent } = counting()
  const bus = hub.connect('counter')
  const running = await run(agent, bus)
  const me = hub.connect('me')
  await using ask = await caller(me, 'observatory')
  expect((await ask.request('counter', 'acq', 'start')).msg).toBe('Operation "acq" already in progress.')
  expect((await ask.request('counter', 'acq', 'abort')).msg).toBe(
    'Cannot abort "acq": it is a process; use stop.',
  )
  const stopped = await ask.request('counter', 'acq', 'stop')
  expect([stopped.status, stopped.msg]).toEqual([0, 'Requested stop on process "acq".'])
  expect((await ask.request('counter', 'acq', 'wait')).msg).toBe(
    'Operation "acq" is currently not running (SUCCEEDED).',
  )
  expect((await ask.request('counter', 'nope', 'start')).msg).toContain('No operation "nope"')
  expect((await ask.request('counter', 'acq', 'start', { frequency: 1 })).msg).toContain(
    'there is no parameter "frequency"',
  )
  const replies: string[] = []
  await me.subscribe(channels.reply, { root: 'observatory', client: 'me' }, ({ msg }) => replies.push(msg))
  const address = { root: 'observatory', instance: 'counter', op: 'acq', action: 'start', client: 'me' }
  const request = { id: 'same', sent: Date.now() / 1000, timeout: 600, params: {} }
  await me.publish(channels.request, address, request)
  await me.publish(channels.request, address, request)
  await me.publish(channels.request, address, { ...request, id: 'late', sent: request.sent - 601 })
  await ask.request('counter', 'acq', 'status')
  expect(replies.slice(0, 2)).toEqual(['Started process "acq".', 'Started process "acq".'])
  expect(replies[2]).toContain('not acted on')
  await running.stop()
})

test('a process goes on through a lost instrument, degraded meanwhile', async () => {
  const hub = new MemoryHub()
  let connects = 0
  let fail: (error: Error) => void = () => {}
  const agent = defineAgent({
    class: 'CounterAgent',
    help: 'Counts.',
    args: z.object({}),
    feeds: {},
    connect: async () => {
      connects++
      if (connects === 1) throw new TransportError('no answer', { retryMs: 1 })
      const cable = new AbortController()
      return { cable, link: { closed: cable.signal, close: async () => {} } }
    },
  }).process('acq', { help: 'Count.', startup: true }, ({ signal, instrument }) => {
    return new Promise<void>((resolve, reject) => {
      fail = (error) => {
        instrument.cable.abort(error)
        reject(error)
      }
      signal.addEventListener('abort', () => resolve())
    })
  })
  const seen: string[] = []
  const watcher = hub.connect('watcher')
  const turned = Promise.withResolvers<void>()
  await watcher.subscribe(channels.session, { root: 'observatory' }, ({ status, degraded }) => {
    const now = degraded ? 'degraded' : status
    if (seen.at(-1) !== now) seen.push(now)
    if (now === 'running') {
      if (connects === 2) fail(new TransportError('unplugged'))
      if (connects === 3) turned.resolve()
    }
  })
  const bus = hub.connect('x')
  const running = await run(agent as unknown as Agent, bus)
  await turned.promise
  expect(connects).toBe(3)
  expect(seen).toContain('degraded')
  let counters: unknown
  await watcher.subscribe(channels.presence, { root: 'observatory' }, (presence) => {
    counters = presence.counters
  })
  await running.stop()
  // The first of three attempts failed before there was anything to lose.
  expect(counters).toEqual({ instrument_reconnects: 1 })
})

test('the last that a stopping agent says of itself is its goodbye, and its last rows are on disk', async () => {
  const hub = new MemoryHub()
  const path = join(folder(), 'counter.sqlite')
  const { agent, tick, started } = counting()
  const states: string[] = []
  await hub
    .connect('eye')
    .subscribe(channels.presence, { root: 'observatory' }, ({ state }) => states.push(state))
  const bus = hub.connect('counter')
  const spool = new Spool(path)
  // The wait for a slow disk is not the subject here.
  spool.close = () => Spool.prototype.close.call(spool, UNHURRIED_MS)
  const running = await run(agent, bus, spool)
  await started
  // The first row of an epoch is announced in presence: here that falls due while the agent stops.
  tick(1)
  await running.stop()
  // Timers set before the goodbye have fired after this.
  await new Promise((resolve) => setTimeout(resolve, 0))
  expect(states.at(-1)).toBe('offline')
  const again = new Spool(path)
  expect(again.held('counts')).toMatchObject([{ first: 1, last: 1 }])
  await again.close()
})
