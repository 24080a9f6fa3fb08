import { heapStats } from 'bun:jsc'
import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { MemoryHub } from '../bus/memory.ts'
import { type Agent, defineAgent } from '../core/agent.ts'
import { type AgentApi, channels } from '../core/channels.ts'
import { ConfigError } from '../core/errors.ts'
import type { OpSession } from '../core/ops.ts'
import { caller } from '../lab/request-client.ts'
import { runAgent } from './run-agent.ts'
import { SessionStore } from './session-store.ts'

const root = 'observatory'
const identity = { root, instance: 'it', agentClass: 'ItAgent', session: 's', since: 1, version: '0' }
const args = z.object({ frequency: z.number().default(2) })

/** An agent whose process runs until it is stopped. */
const waiting = () =>
  defineAgent({ class: 'ItAgent', help: 'Waits.', args, feeds: {}, connect: async () => ({}) }).process(
    'acq',
    {
      help: 'Wait.',
      params: z.object({
        frequency: z.number().max(10).default(1).describe('how often').meta({ units: 'Hz' }),
        mode: z.enum(['a', 'b']).default('a').describe('which'),
        password: z.string().min(2).optional().describe('of whatever it is'),
      }),
      startup: ({ frequency }) => frequency > 0 && { frequency, password: 's3cret' },
    },
    ({ session, signal }) =>
      new Promise<void>((resolve) => {
        session.set({ n: 1 })
        signal.addEventListener('abort', () => resolve())
      }),
  ) as unknown as Agent

test('what the agent starts by itself has its parameters; they are published with their schema', async () => {
  const hub = new MemoryHub()
  const watcher = hub.connect('watcher')
  const api = Promise.withResolvers<AgentApi>()
  const session = Promise.withResolvers<OpSession>()
  await watcher.subscribe(channels.api, { root }, api.resolve)
  await watcher.subscribe(
    channels.session,
    { root },
    (now) => now.status === 'running' && session.resolve(now),
  )
  const bus = hub.connect('it')
  const running = await runAgent({ agent: waiting(), args: { frequency: 5 }, identity, bus, log: () => {} })
  expect(await session.promise).toMatchObject({
    params: { frequency: 5, mode: 'a', password: '***' },
    started_by: 'startup',
    cred_level: 4,
  })
  const { ops, queries } = await api.promise
  expect(ops['acq']).toMatchObject({
    startup: true,
    startup_params: { frequency: 5, password: '***' },
    min_privs: 1,
  })
  expect(ops['acq']?.params['properties']).toEqual({
    frequency: { type: 'number', maximum: 10, default: 1, description: 'how often', units: 'Hz' },
    mode: { type: 'string', enum: ['a', 'b'], default: 'a', description: 'which' },
    password: { type: 'string', minLength: 2, description: 'of whatever it is' },
  })
  expect(Object.keys(queries)).toEqual(['history', 'lock', 'unlock'])
  await running.stop()
})

test('a start-up parameter that does not fit: the agent refuses to start, and nobody has heard of it', async () => {
  const hub = new MemoryHub()
  const heard: string[] = []
  await hub.connect('watcher').subscribe(channels.presence, { root }, ({ state }) => heard.push(state))
  const starting = runAgent({
    agent: waiting(),
    args: { frequency: 50 },
    identity,
    bus: hub.connect('it'),
    log: () => {},
  })
  const error = await starting.catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(ConfigError)
  expect((error as Error).message).toBe(
    'it does not start: its start-up operation "acq": "frequency": Too big: expected number to be <=10, given 50',
  )
  expect(heard).toEqual([])
})

test('after a restart the last session is shown, and ids and history go on', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'control-'))
  const path = join(folder, 'it.sessions.sqlite')
  const hub = new MemoryHub()
  const me = hub.connect('me')
  await using ask = await caller(me, root)
  const seen: OpSession[] = []
  await me.subscribe(channels.session, { root }, (now) => seen.push(now))
  for (let round = 0; round < 3; round++) {
    const bus = hub.connect('it')
    const sessions = new SessionStore(path)
    const running = await runAgent({
      agent: waiting(),
      args: { frequency: 0 },
      identity,
      bus,
      sessions,
      log: () => {},
    })
    const before = await ask.request('it', 'acq', 'status')
    if (round === 0) expect(before.msg).toBe('No session active.')
    else expect(before.session).toMatchObject({ session_id: round - 1, status: 'done', success: true })
    expect((await ask.request('it', 'acq', 'start')).session).toMatchObject({ session_id: round })
    const { sessions: list } = (await ask.query('it', 'history', { op: 'acq' })) as { sessions: OpSession[] }
    expect(list.map(({ session_id, status }) => [session_id, status === 'done'])).toEqual(
      Array.from({ length: round + 1 }, (_, at) => [round - at, at > 0]),
    )
    await running.stop()
    await bus[Symbol.asyncDispose]()
  }
  expect(seen.at(-1)).toMatchObject({ session_id: 2, status: 'done', success: true })
  rmSync(folder, { recursive: true })
})

test('300 starts and stops leave nothing behind', async () => {
  const hub = new MemoryHub()
  const bus = hub.connect('it')
  const running = await runAgent({ agent: waiting(), args: { frequency: 0 }, identity, bus, log: () => {} })
  await using ask = await caller(hub.connect('me'), root)
  const cycle = async () => {
    expect((await ask.request('it', 'acq', 'start')).status).toBe(0)
    expect((await ask.request('it', 'acq', 'stop')).status).toBe(0)
    expect((await ask.request('it', 'acq', 'wait')).msg).toContain('SUCCEEDED')
  }
  const count = () => {
    Bun.gc(true)
    const { objectTypeCounts, heapSize } = heapStats()
    const of = (type: string) => objectTypeCounts[type] ?? 0
    return { signals: of('AbortSignal'), timers: of('Timeout'), heap: heapSize }
  }
  for (let n = 0; n < 50; n++) await cycle()
  const before = count()
  for (let n = 0; n < 300; n++) await cycle()
  const after = count()
  expect(after.signals - before.signals).toBeLessThan(20)
  expect(after.timers - before.timers).toBeLessThan(20)
  // The answers of the last seconds are kept, about 1 KB each.
  expect(after.heap - before.heap).toBeLessThan(8 << 20)
  const { sessions } = (await ask.query('it', 'history', { limit: 10_000 })) as { sessions: OpSession[] }
  expect(sessions.length).toBe(100)
  expect(sessions[0]?.session_id).toBe(349)
  await running.stop()
})
