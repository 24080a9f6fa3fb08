/**
 * A sink with real parts around it: a spool, a recorder, an archive node, and an HTTP server in place of the
 * database.
 */
import { afterAll, afterEach, expect, test } from 'bun:test'
import { join } from 'node:path'
import { conditions } from '../../test/conditions.ts'
import { ownClock } from '../../test/own-clock.ts'
import { folder } from '../../test/temporary.ts'
import { MemoryHub } from '../bus/memory.ts'
import type { Agent } from '../core/agent.ts'
import { channels, type FeedDeclaration } from '../core/channels.ts'
import archiveNode from '../datanode/g3-archive.ts'
import { follow } from '../lab/follow.ts'
import { beatOf } from '../runtime/counts.test-aid.ts'
import { runAgent } from '../runtime/run-agent.ts'
import { SessionStore } from '../runtime/session-store.ts'
import { serveSpool } from '../runtime/spool/serve-spool.ts'
import { Spool } from '../runtime/spool/spool.ts'
import { Recorder } from '../storage/recorder/recorder.ts'
import influx from './influxdb.ts'

const clock = ownClock()
afterAll(() => clock[Symbol.dispose]())
const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

const root = 'observatory'
/** Samples per row, and rows of a day. */
const SAMPLES = 500
const ROWS = 200
const BEGIN = Math.floor(Date.now() / 1000) - 86_400
const declared: FeedDeclaration = {
  ...{ agent_class: 'CounterAgent', record: true, frame_length: 300 },
  blocks: { count: { n: { type: 'int' } } },
}

/**
 * Stands in for a database: stores points by everything but their values, so that repeated points count once.
 */
function database() {
  const points = new Map<string, string>()
  const state = { down: false, refuse: '', life: 0 }
  const { look, until } = conditions()
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      if (state.down) return new Response('{"error":"no disk"}', { status: 503 })
      if (new URL(request.url).pathname === '/metrics')
        return state.life > 0
          ? new Response(`a 1\nvm_app_start_timestamp ${state.life}\nvm_app_uptime_seconds 60\n`)
          : new Response(null, { status: 404 })
      const lines = (await request.text()).trim().split('\n')
      const taken = lines.filter((line) => state.refuse === '' || !line.includes(state.refuse))
      for (const line of taken) {
        const [head = '', fields = '', time = ''] = line.split(' ')
        points.set(`${head} ${time}`, fields)
      }
      look()
      const dropped = lines.length - taken.length
      const why = JSON.stringify({ error: `partial write: field type conflict dropped=${dropped}` })
      return dropped > 0 ? new Response(why, { status: 400 }) : new Response(null, { status: 204 })
    },
  })
  closing.push(async () => server.stop(true))
  return { points, state, until, port: Number(server.port) }
}

/** A lab with an agent whose spool is filled by hand, a recorder and an archive node. */
async function lab() {
  const hub = new MemoryHub()
  const dir = folder()
  let later = 0
  const spool = new Spool(join(dir, root, 'counter.sqlite'), { now: () => performance.now() + later })
  closing.push(() => spool.close())
  const bus = hub.connect('counter')
  const here = { root, instance: 'counter' }
  await serveSpool(bus, here, spool)
  const held = () => spool.held('counts')
  const beats = setInterval(() => void bus.publish(channels.presence, here, beatOf(spool.id, held())), 50)
  closing.push(async () => clearInterval(beats))
  const data = join(dir, 'data')
  const recorder = await Recorder.open({ dir: data, root, frameLength: 1, log: () => {}, event: () => {} })
  closing.push(() => recorder[Symbol.asyncDispose]())
  const follower = await follow(hub.connect('aggregator'), root, recorder)
  closing.push(async () => follower[Symbol.asyncDispose]())
  recorder.attach(follower)
  const start = async (
    agent: unknown,
    instance: string,
    args: Record<string, unknown>,
    sessions?: SessionStore,
  ) => {
    const { spec } = agent as Agent
    const running = await runAgent({
      ...{ agent: agent as Agent, args: spec.args.parse(args), bus: hub.connect(instance), log: () => {} },
      identity: { root, instance, agentClass: spec.class, session: instance, since: 1, version: '0' },
      ...(sessions && { sessions }),
    })
    return async () => running.stop()
  }
  let rows = 0
  let epoch = 'e1'
  return {
    start,
    held,
    archive: async () => closing.push(await start(archiveNode, 'node', { data_dir: data, index_dir: dir })),
    begin(name: string) {
      epoch = name
    },
    /** Appends rows up to a number. */
    async fill(to: number) {
      for (; rows < to; rows++) {
        const t = Array.from(
          { length: SAMPLES },
          (_, i) => BEGIN + ((rows * SAMPLES + i) * 86_400) / (ROWS * SAMPLES),
        )
        const n = t.map((_, i) => rows * SAMPLES + i)
        spool.append('counts', declared, { epoch, block: 'count', t, data: { n } })
      }
      await spool.flush()
    },
    /** Waits until all rows are recorded. */
    async recorded() {
      while (held().some(({ acked, last }) => acked < last)) {
        await recorder.flush()
        await new Promise((resolve) => setImmediate(resolve))
      }
    },
    /** Lets this many hours pass for the spool. */
    hours(count: number) {
      later += 3_600_000 * count
    },
  }
}

/** The numbers that a database has, in order. */
function numbers(points: ReadonlyMap<string, string>): number[] {
  return [...points.values()].map((text) => Number(/n=(\d+)i/.exec(text)?.[1])).sort((a, b) => a - b)
}
const upTo = (rows: number) => Array.from({ length: rows * SAMPLES }, (_, n) => n)

/**
 * Lets recorded rows leave the spool, which releases them an hour after it learned that they are recorded.
 */
async function leave({ hours, fill, recorded, held }: Awaited<ReturnType<typeof lab>>, from: number) {
  let to = from
  for (let first = 0; first < 2; to++) {
    hours(1.1)
    await fill(to)
    await recorded()
    first = held().at(-1)?.first ?? 0
  }
  return to - 1
}

test('a day without its database, and epochs that came and went: all is there, from spool and archive', async () => {
  const { points, state, until, port } = database()
  const at = await lab()
  closing.push(await at.start(influx, 'influx', { host: '127.0.0.1', port }))
  await at.fill(10)
  await until(() => points.size === 10 * SAMPLES)
  state.down = true
  await at.fill(130)
  await at.recorded()
  at.begin('e2')
  await at.fill(150)
  await at.recorded()
  at.begin('e3')
  await at.fill(ROWS - 20)
  await at.recorded()
  const rows = await leave(at, ROWS - 19)
  expect(at.held().map(({ epoch }) => epoch)).toEqual(['e3'])
  state.down = false
  await at.archive()
  await until(() => points.size === rows * SAMPLES)
  expect(numbers(points)).toEqual(upTo(rows))
  // The following rows come live.
  await at.fill(rows + 2)
  await until(() => points.size === (rows + 2) * SAMPLES)
})

test('a sink that was away for a day goes on where it was, and has the rest from the archive', async () => {
  const { points, until, port } = database()
  const at = await lab()
  const state = join(folder(), 'influx.sqlite')
  const stop = await at.start(influx, 'influx', { host: '127.0.0.1', port }, new SessionStore(state))
  await at.fill(10)
  await until(() => points.size === 10 * SAMPLES)
  await stop()
  at.begin('e2')
  await at.fill(40)
  await at.recorded()
  at.begin('e3')
  const rows = await leave(at, 60)
  points.clear()
  await at.archive()
  closing.push(await at.start(influx, 'influx', { host: '127.0.0.1', port }, new SessionStore(state)))
  await until(() => points.size >= (rows - 10) * SAMPLES)
  const had = numbers(points)
  // The ten minutes before the last written time are written again: the same points.
  expect(had.at(0)).toBeGreaterThan(7 * SAMPLES)
  expect(had).toEqual(upTo(rows).slice(had[0]))
})

test('points that a database will not have are counted and told once; the others are there', async () => {
  const { points, state, until, port } = database()
  state.refuse = 'n=7i'
  const at = await lab()
  closing.push(await at.start(influx, 'influx', { host: '127.0.0.1', port }))
  await at.fill(3)
  await until(() => points.size === 3 * SAMPLES - 1)
  expect(numbers(points)).toEqual(upTo(3).filter((n) => n !== 7))
})

test('a database that answers before it has points on its disk, and ends: they are written again', async () => {
  const { points, state, until, port } = database()
  state.life = 1
  const at = await lab()
  closing.push(await at.start(influx, 'influx', { host: '127.0.0.1', port }))
  await at.fill(3)
  await until(() => points.size === 3 * SAMPLES)
  state.down = true
  points.clear()
  await at.fill(4)
  state.life = 2
  state.down = false
  await until(() => points.size === 4 * SAMPLES)
  expect(numbers(points)).toEqual(upTo(4))
})
