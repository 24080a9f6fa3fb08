import { afterAll, expect, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { conditions } from '../../test/conditions.ts'
import { ownClock } from '../../test/own-clock.ts'
import { folder } from '../../test/temporary.ts'
import { MemoryHub } from '../bus/memory.ts'
import { type Agent, defineAgent } from '../core/agent.ts'
import { channels, type Presence } from '../core/channels.ts'
import { counterHelp } from '../core/counter-help.ts'
import type { FeedPublisher } from '../core/feed-spec.ts'
import type { OpSession } from '../core/ops.ts'
import { caller } from '../lab/request-client.ts'
import { type RunAgent, runAgent } from '../runtime/run-agent.ts'
import { Spool } from '../runtime/spool/spool.ts'
import { entry, walkFrames } from '../storage/g3/frame.ts'
import { checkDataDir } from '../storage/recorder/data-dir.ts'
import { Recorder } from '../storage/recorder/recorder.ts'
import aggregator from './aggregator.ts'

const clock = ownClock()
afterAll(() => clock[Symbol.dispose]())

const identity = (instance: string, agentClass: string) => ({
  root: 'observatory',
  instance,
  agentClass,
  session: crypto.randomUUID(),
  since: 1,
  version: '0',
})

/** A hub in memory with an eye on sessions and presence. */
async function lab() {
  const hub = new MemoryHub()
  const eye = hub.connect('eye')
  const sessions = new Map<string, OpSession>()
  const presence = new Map<string, Presence>()
  const { look, until } = conditions()
  await eye.subscribe(channels.session, { root: 'observatory' }, (session, { instance }) => {
    sessions.set(instance, session)
    look()
  })
  await eye.subscribe(channels.presence, { root: 'observatory' }, (now, { instance }) => {
    presence.set(instance, now)
    look()
  })
  const ask = await caller(eye, 'observatory')
  const log: string[] = []
  const run = (instance: string, agent: Agent, args: unknown, spool?: Spool, more: Partial<RunAgent> = {}) =>
    runAgent({
      ...more,
      agent,
      args: agent.spec.args.parse(args),
      identity: identity(instance, agent.spec.class),
      bus: hub.connect(instance),
      spool,
      log: (text) => {
        log.push(text)
        look()
      },
    })
  return { hub, sessions, presence, ask, until, run, log }
}

/** Publishes a row when it is told to. */
function counting() {
  const feed = Promise.withResolvers<FeedPublisher>()
  const agent = defineAgent({
    class: 'CounterAgent',
    help: 'Counts.',
    args: z.object({}),
    feeds: {
      counts: {
        help: 'Counts.',
        record: true,
        frame_length: 0.05,
        blocks: { count: { n: { type: 'int' } } },
      },
    },
    connect: async () => ({}),
  }).process('acq', { help: 'Count.', startup: true }, async ({ feeds, signal }) => {
    feed.resolve(feeds.counts)
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
  })
  const publish = async (from: number, to: number) => {
    const { publish } = await feed.promise.then((counts) => ({ publish: counts.publish.bind(counts) }))
    for (let n = from; n <= to; n++) publish('count', 1_700_050_000 + n / 10, { n })
  }
  return { agent: agent as unknown as Agent, publish }
}

/** What is in the files, in order of time. */
function values(dir: string): number[] {
  const found: [bigint, number][] = []
  for (const path of readdirSync(dir, { recursive: true }).map(String)) {
    if (!path.endsWith('.g3')) continue
    for (const frame of walkFrames(readFileSync(join(dir, path)), { verify: true }))
      for (const block of entry(frame, 'blocks', 'G3VectorFrameObject')?.value ?? []) {
        const n = block?.kind === 'G3TimesampleMap' ? block.value.get('n') : undefined
        if (block?.kind !== 'G3TimesampleMap' || n?.kind !== 'G3VectorInt') throw new Error('no counts')
        for (const [i, time] of block.times.entries()) found.push([time, Number(n.value[i])])
      }
  }
  return found.toSorted(([a], [b]) => Number(a - b)).map(([, n]) => n)
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1)

interface Data {
  current_file: string | null
  counters: Record<string, number>
  providers: Record<string, { seq: number; recorded: number; stale: boolean }>
}

test('records what agents publish, whether it is there or comes later, and tells the agents', async () => {
  const data = join(folder(), 'data')
  const { run, until, sessions, presence, log } = await lab()
  const { agent, publish } = counting()
  const spool = new Spool(join(folder(), 'counter.sqlite'))
  const counter = await run('counter', agent, {}, spool)
  await publish(1, 50)
  await spool.flush()
  let recorder = await run('aggregator', aggregator as unknown as Agent, { data_dir: data })
  const recorded = () => (spool.held('counts').at(-1)?.acked ?? 0) as number
  const address = 'observatory.counter.feeds.counts'
  const shown = () => sessions.get('aggregator')?.data as Data | undefined
  await until(() => log.includes(`record: recording to ${data}`))
  await publish(51, 100)
  await until(() => shown()?.providers?.[address]?.recorded === 100)
  const path = join(data, '17000/1700050000.g3')
  expect(shown()?.current_file).toBe(path)
  expect(log).toContain(`record: new file: ${path}`)
  expect(recorded()).toBe(100)
  expect(shown()?.counters).toMatchObject({ rows: 100, samples: 100, gaps: 0, quarantined: 0, duplicates: 0 })
  await recorder.stop()
  await until(() => presence.get('aggregator')?.state === 'offline')
  await publish(101, 150)
  await spool.flush()
  recorder = await run('aggregator', aggregator as unknown as Agent, { data_dir: data })
  await until(() => log.filter((text) => text === `record: recording to ${data}`).length === 2)
  await publish(151, 200)
  await until(() => shown()?.providers?.[address]?.recorded === 200)
  await recorder.stop()
  expect(values(data)).toEqual(upTo(200))
  await counter.stop()
})

test('a hub that restarts and an agent that restarts leave no hole', async () => {
  const data = join(folder(), 'data')
  const { hub, run, until, sessions, presence } = await lab()
  const first = counting()
  const file = join(folder(), 'counter.sqlite')
  let spool = new Spool(file)
  let counter = await run('counter', first.agent, {}, spool)
  const recorder = await run('aggregator', aggregator as unknown as Agent, { data_dir: data })
  await first.publish(1, 20)
  const shown = () => sessions.get('aggregator')?.data as Data | undefined
  const seq = () => shown()?.providers?.['observatory.counter.feeds.counts']?.seq
  await until(() => seq() === 20)
  hub.stop()
  await first.publish(21, 40)
  await spool.flush()
  hub.start()
  await counter.stop()
  await until(() => presence.get('counter')?.state === 'offline')
  expect(presence.get('counter')?.counters).toMatchObject({ hub_reconnects: 1, unspooled: 0 })
  spool = new Spool(file)
  const second = counting()
  counter = await run('counter', second.agent, {}, spool)
  await second.publish(41, 60)
  await until(() => shown()?.counters['rows'] === 60)
  await recorder.stop()
  await counter.stop()
  expect(values(data)).toEqual(upTo(60))
  await until(() => presence.get('aggregator')?.state === 'offline')
  const { counters = {} } = presence.get('aggregator') ?? {}
  expect(counters).toMatchObject({ hub_reconnects: 1, rows: 60, gaps: 0 })
  // Of each it is told what it counts.
  expect(Object.keys(counters).filter((name) => !(name in counterHelp))).toEqual([])
})

test('waits when it is told to, and records when it is started', async () => {
  const data = join(folder(), 'data')
  const { run, until, ask, log, sessions } = await lab()
  const args = { data_dir: data, initial_state: 'idle' }
  const recorder = await run('aggregator', aggregator as unknown as Agent, args)
  await until(() => log.some((text) => text.startsWith('idle: waiting for: ')))
  expect(existsSync(data)).toBe(false)
  expect((await ask.request('aggregator', 'record', 'start')).status).toBe(0)
  await until(() => log.includes(`record: recording to ${data}`))
  expect((await ask.request('aggregator', 'record', 'stop')).status).toBe(0)
  await until(() => sessions.get('aggregator')?.success === true)
  // The directory is free again.
  expect(checkDataDir(data)).toBe(data)
  await recorder.stop()
})

test('a second recorder in a directory is refused by name; a directory that cannot be is named before', async () => {
  const data = join(folder(), 'data')
  const { run, until, log, sessions } = await lab()
  const one = await run('one', aggregator as unknown as Agent, { data_dir: data })
  await until(() => log.includes(`record: recording to ${data}`))
  const inUse = `another recorder is using ${data}, this process itself: stop it, or choose another directory with --data-dir`
  expect(() => checkDataDir(data)).toThrow(inUse)
  const two = await run('two', aggregator as unknown as Agent, { data_dir: data })
  await until(() => sessions.get('two')?.success === false)
  expect(log.some((text) => text.includes(inUse))).toBe(true)
  await one.stop()
  await two.stop()
  const file = join(folder(), 'file')
  writeFileSync(file, '')
  expect(() => checkDataDir(join(file, 'data'))).toThrow(
    /^data directory \S+\/file\/data cannot be written \(a part of its path is no folder\): choose another with --data-dir$/,
  )
  const { args } = aggregator.spec
  expect(() => args.parse({ data_dir: data, time_per_file: 7200 })).toThrow('so3g does not find data')
})

test('an instance that the site file does not name is not recorded, is told of, and is recorded once it is named', async () => {
  const { sessions, until, run, log } = await lab()
  const dir = join(folder(), 'data')
  const of = (agentClass: string) => ({ agentClass, isUp: true })
  const named = new Map([['aggregator', of('AggregatorAgent')]])
  const site = { alarms: undefined, instances: named }
  const { agent, publish } = counting()
  const spool = new Spool(join(folder(), 'counter.sqlite'))
  const counter = await run('counter', agent, {}, spool)
  const recorder = await run('aggregator', aggregator as unknown as Agent, { data_dir: dir }, undefined, {
    site,
  })
  await publish(1, 3)
  const data = () => sessions.get('aggregator')?.data as { unknown: string[]; problem: string | null }
  await until(() => data()?.unknown?.length === 1)
  expect(data()).toMatchObject({
    unknown: ['counter'],
    problem: expect.stringContaining('counter is not recorded'),
  })
  expect(log.filter((line) => line.includes('counter is not recorded'))).toHaveLength(1)
  expect([values(dir), spool.unrecorded('counts')]).toEqual([[], 3])
  named.set('counter', of('CounterAgent'))
  await until(() => data().unknown.length === 0 && data().problem === null)
  await until(() => spool.unrecorded('counts') === 0)
  expect(log.filter((line) => line.includes('counter is recorded now'))).toHaveLength(1)
  await recorder.stop()
  expect(values(dir)).toEqual([1, 2, 3])
  await counter.stop()
})

test('one that is gone from the lab, or named though it does not run, is complained of no more', async () => {
  const { hub, sessions, until, run } = await lab()
  const of = (agentClass: string) => ({ agentClass, isUp: true })
  const named = new Map([['aggregator', of('AggregatorAgent')]])
  const spools = ['stray', 'back'].map((name) => new Spool(join(folder(), `${name}.sqlite`)))
  const agents = [counting(), counting()]
  const stray = await run('stray', (agents[0] as ReturnType<typeof counting>).agent, {}, spools[0])
  const back = await run('back', (agents[1] as ReturnType<typeof counting>).agent, {}, spools[1])
  const recorder = await run(
    'aggregator',
    aggregator as unknown as Agent,
    { data_dir: join(folder(), 'data') },
    undefined,
    { site: { alarms: undefined, instances: named } },
  )
  for (const { publish } of agents) await publish(1, 3)
  const data = () => sessions.get('aggregator')?.data as { unknown: string[]; problem: string | null }
  await until(() => data()?.unknown?.length === 2)
  await stray.stop()
  await back.stop()
  // They are still shown as stopped, with rows that nobody records.
  expect(data().unknown).toEqual(['back', 'stray'])
  await hub.connect('stray').clear(channels.presence, { root: 'observatory', instance: 'stray' })
  await until(() => data().unknown.length === 1)
  expect(data().unknown).toEqual(['back'])
  named.set('back', of('CounterAgent'))
  await until(() => data().problem === null)
  expect(data().unknown).toEqual([])
  await recorder.stop()
})

test.each([
  ['with --record-unknown', true, false, 0],
  ['of a data directory that an older ocs began, with a warning', false, true, 1],
])(
  'every instance is recorded %s',
  async (_, record_unknown, isOld, warnings) => {
    const { until, run, log } = await lab()
    const dir = join(folder(), 'data')
    if (isOld)
      await (await Recorder.open({ dir, root: 'observatory', log: () => {}, event: () => {} }))[
        Symbol.asyncDispose
      ]()
    const site = {
      alarms: undefined,
      instances: new Map([['aggregator', { agentClass: 'AggregatorAgent', isUp: true }]]),
    }
    const { agent, publish } = counting()
    const counter = await run('counter', agent, {}, new Spool(join(folder(), 'counter.sqlite')))
    const recorder = await run(
      'aggregator',
      aggregator as unknown as Agent,
      { data_dir: dir, record_unknown },
      undefined,
      {
        site,
      },
    )
    await publish(1, 3)
    await until(() => log.some((line) => line.includes('new file')))
    await recorder.stop()
    expect(values(dir)).toEqual([1, 2, 3])
    expect(
      log.filter((line) => line.startsWith('warning: ') && line.includes('--record-unknown')),
    ).toHaveLength(warnings)
    await counter.stop()
  },
  20_000,
)
