import { expect, test } from 'bun:test'
import { MemoryHub } from '../bus/memory.ts'
import { channels } from '../core/channels.ts'
import type { OpSession } from '../core/ops.ts'
import { startBridge } from './bridge.ts'
import { ROOT, recorded, send } from './site.test-aid.ts'

const now = Math.floor(Date.now() / 1000)

/** A bridge on a hub on which a test publishes what agents would. */
async function stage() {
  const hub = new MemoryHub()
  const agents = hub.connect('agents')
  const listen = { host: '127.0.0.1', port: 0 }
  const bridge = await startBridge({ bus: hub.connect('bridge'), root: ROOT, listen, log() {} })
  const settle = () => new Promise((resolve) => setImmediate(resolve))
  return {
    bridge,
    hub,
    async session(instance: string, op: string, given: Partial<OpSession>) {
      const plain: OpSession = {
        session_id: 1,
        op_name: op,
        op_code: 3,
        status: 'running',
        degraded: false,
        success: null,
        start_time: now - 600,
        end_time: null,
        data: {},
        messages: [],
        started_by: 'ctrl-1',
      }
      await agents.publish(channels.session, { root: ROOT, instance, op }, { ...plain, ...given })
      await settle()
    },
    async event(
      instance: string,
      time: number,
      text: string,
      level: 'info' | 'warning' | 'error' = 'info',
      kind = 'spool',
    ) {
      await agents.publish(channels.event, { root: ROOT, instance }, { time, level, text, kind })
      await settle()
    },
    async ask<T>(name: string, change: (body: Record<string, unknown>) => object = (body) => body) {
      const request = recorded(name)
      const body = request.body && (change(request.body as Record<string, unknown>) as typeof request.body)
      return (await (await send(bridge, { ...request, body })).json()) as T
    },
    annotations(query?: string) {
      type Annotation = { time: number; timeEnd?: number; title: string; text: string; tags: string[] }
      return this.ask<Annotation[]>('annotations-9.3', (body) => ({
        ...body,
        annotation: { ...(body['annotation'] as object), query },
      }))
    },
    async [Symbol.asyncDispose]() {
      await bridge.close()
    },
  }
}
const done = (success: boolean, end: number, text: string): Partial<OpSession> => ({
  status: 'done',
  success,
  end_time: end,
  messages: [[end, text]],
  message_kinds: ['said'],
  transitions: [[end - 10, 'running', ''], success ? [end, 'idle', ''] : [end, 'failed', text]],
})

test('sessions are regions, running ones and failures points, each where it happened; events are points', async () => {
  await using at = await stage()
  await at.session('ls240', 'acq', { session_id: 4, started_from: 'maya@grumpy' })
  await at.session('ls240', 'init', {
    start_time: now - 900,
    ...done(false, now - 890, 'no answer on /dev/ttyUSB0'),
  })
  await at.session('ls372', 'init', { start_time: now - 9000, ...done(true, now - 8990, 'ready') })
  await at.event('ls372', now - 30, 'spool full', 'error')
  expect(await at.annotations('events')).toEqual([
    {
      time: (now - 900) * 1000,
      timeEnd: (now - 890) * 1000,
      title: 'ls240 init: ended',
      text: 'no answer on /dev/ttyUSB0 (session 1, started by ctrl-1)',
      tags: ['ls240', 'init', 'operation', 'ended'],
    },
    {
      time: (now - 890) * 1000,
      title: 'ls240 init: failed',
      text: 'no answer on /dev/ttyUSB0 (session 1)',
      tags: ['ls240', 'init', 'operation', 'failed'],
    },
    {
      time: (now - 600) * 1000,
      title: 'ls240 acq: running',
      text: 'session 4, started by maya@grumpy',
      tags: ['ls240', 'acq', 'operation', 'running'],
    },
    {
      time: (now - 30) * 1000,
      title: 'ls372: spool',
      text: 'spool full',
      tags: ['ls372', 'spool', 'event', 'error'],
    },
  ])
})

test('a query finds by tag, instance and text, and by variables as Grafana writes them out', async () => {
  await using at = await stage()
  await at.session('ls240', 'acq', {})
  await at.session('ls372', 'acq', { session_id: 2, ...done(false, now - 100, 'valve is stuck') })
  await at.event('ls372', now - 30, 'Epoch begins')
  const titles = async (query?: string) => (await at.annotations(query)).map(({ title }) => title)
  const all = ['ls240 acq: running', 'ls372 acq: ended', 'ls372 acq: failed', 'ls372: spool']
  const [running, ended, failed, spool] = all
  for (const [query, found] of [
    [undefined, all],
    ['', all],
    ['events', all],
    ['#LS240', [running]],
    ['ls372 events', [ended, failed, spool]],
    ['failed', [failed]],
    ['operation', [running, ended, failed]],
    ['event', [spool]],
    ['VALVE', [ended, failed]],
    ['ls372, epoch', [spool]],
    ['(ls240|ls372) acq', [running, ended, failed]],
    ['()', all],
    ['nothing', []],
  ] as const) {
    expect([query, await titles(query)] as unknown).toEqual([query, found])
  }
})

test('the newest 500 are sent and the newest 1,000 of each remembered, without those of before', async () => {
  await using at = await stage()
  for (let i = 0; i < 1200; i++) await at.event('ls240', now - 1200 + i, `n${1000 + i}`)
  const got = await at.annotations()
  expect(got).toHaveLength(500)
  expect(got.at(-1)?.text).toBe('n2199')
  expect(await at.annotations('n1199')).toHaveLength(0)
  expect((await at.annotations('n1200'))[0]?.text).toBe('n1200')
  await at.session('a', 'acq', { start_time: now - 3000 })
  for (let i = 0; i < 1100; i++)
    await at.session('a', 'b', { session_id: i, start_time: now - 5, end_time: now - 4 })
  const ids = (await at.annotations('session operation')).map(({ text }) => text)
  expect(ids.at(-1)).toContain('session 1099')
  expect(await at.annotations('acq')).toHaveLength(1)
})

test('simPod: annotations and states come through /query', async () => {
  await using at = await stage()
  await at.session('ls240', 'init', { start_time: now - 900, ...done(false, now - 890, 'no answer') })
  await at.session('ls240', 'init', { session_id: 2, start_time: now - 800, ...done(true, now - 790, 'ok') })
  await at.session('ls240', 'acq', { start_time: now - 700 })
  await at.session('ls240', 'acq', {
    start_time: now - 700,
    degraded: true,
    messages: [[now - 400, 'tried again']],
    transitions: [
      [now - 700, 'running', ''],
      [now - 500, 'degraded', 'port lost'],
    ],
  })
  await at.session('ls372', 'acq', {})
  type Table = { type: string; refId: string; columns: { text: string; type: string }[]; rows: unknown[][] }
  const [events] = await at.ask<Table[]>('simpod-annotations')
  expect(events?.columns.map(({ text }) => text)).toEqual(['time', 'timeEnd', 'title', 'text', 'tags', 'id'])
  expect(events?.rows[0]).toEqual([
    (now - 900) * 1000,
    (now - 890) * 1000,
    'ls240 init: ended',
    'no answer (session 1, started by ctrl-1)',
    'ls240,init,operation,ended',
    `ls240/init/1/${now - 900}`,
  ])
  const tables = await at.ask<Table[]>('simpod-states')
  expect(tables.map(({ refId, rows }) => [refId, rows.length])).toEqual([
    ['A', 8],
    ['B', 8],
  ])
  expect(tables[0]?.columns).toEqual([
    { text: 'Time', type: 'time' },
    { text: 'ls240 acq', type: 'string' },
    { text: 'ls240 init', type: 'string' },
  ])
  expect(tables[0]?.rows.slice(1, -1).map(([time, ...rest]) => [Number(time) / 1000 - now, ...rest])).toEqual(
    [
      [-900, null, 'running'],
      [-890, null, 'failed'],
      [-800, null, 'running'],
      [-790, null, 'idle'],
      [-700, 'running', 'idle'],
      [-500, 'degraded', 'idle'],
    ],
  )
  expect(tables[0]?.rows.at(-1)?.slice(1)).toEqual(['degraded', 'idle'])
})

test('Graphite: events with tags that all have to be there; the end of a session is one of its own', async () => {
  await using at = await stage()
  await at.session('ls240', 'acq', { start_time: now - 600.5, ...done(false, now - 100, 'cable pulled') })
  await at.session('ls240', 'init', {})
  await at.event('ls240', now - 30, 'acq is mentioned')
  type Event = { when: number; what: string; tags: string[]; data: string }
  const got = await at.ask<Event[]>('graphite-events')
  expect(got.map(({ when, what, data }) => [when - now, what, data])).toEqual([
    [-601, 'ls240 acq: ended', 'cable pulled (session 1, started by ctrl-1)'],
    [-100, 'ls240 acq: ended (end)', 'cable pulled (session 1, started by ctrl-1)'],
    [-100, 'ls240 acq: failed', 'cable pulled (session 1)'],
  ])
  expect(got[2]?.tags).toEqual(['ls240', 'acq', 'operation', 'failed'])
})

test('what the hub has of earlier sessions comes once, also when it is away and back', async () => {
  await using at = await stage()
  await at.session('ls240', 'acq', {})
  at.hub.stop()
  at.hub.start()
  await at.session('ls240', 'acq', {})
  expect(await at.annotations()).toHaveLength(1)
})

test('alarms are regions from when they were raised until what was wrong ended; their events are not shown twice', async () => {
  await using at = await stage()
  const raised = {
    ...{
      name: 'warm',
      rule: 'warm',
      target: 'ls240.t.T1',
      severity: 'alarm',
      state: 'active',
      text: 'T1 is 9 K',
    },
    ...{ value: 9, units: 'K', since: now - 60, ended: null, count: 2, silenced_until: null },
    acknowledged: { by: 'maya', text: '', time: now - 30 },
  }
  const past = {
    name: 'warm',
    severity: 'alarm',
    text: 'T1 is 8 K',
    count: 1,
    raised: now - 300,
    ended: now - 200,
  }
  const data = { alarms: [raised], recent: [past], rules: 1, watched: 1, actions: {} }
  await at.session('alarms', 'watch', { data })
  await at.session('odd', 'watch', { data: { alarms: 'none' } })
  await at.event('alarms', now - 60, 'warm: T1 is 9 K', 'error', 'alarm')
  const found = await at.annotations('alarm')
  expect(found.filter(({ tags }) => tags.includes('alarm'))).toEqual([
    {
      time: (now - 300) * 1000,
      timeEnd: (now - 200) * 1000,
      title: 'alarm: warm',
      text: 'T1 is 8 K',
      tags: ['alarms', 'warm', 'alarm'],
    },
    {
      time: (now - 60) * 1000,
      title: 'alarm: warm',
      text: 'T1 is 9 K (acknowledged by maya)',
      tags: ['alarms', 'warm', 'alarm'],
    },
  ])
})

test('a degraded time is a region of its own with its reason, also once it is over', async () => {
  await using at = await stage()
  await at.session('ls240', 'acq', {
    messages: [[now - 10, 'all is well']],
    transitions: [
      [now - 600, 'running', ''],
      [now - 300, 'degraded', 'cable pulled'],
      [now - 200, 'running', ''],
      [now - 100, 'degraded', 'no answer'],
    ],
  })
  const got = await at.annotations('degraded')
  expect(
    got.map(({ time, timeEnd, text }) => [time / 1000 - now, (timeEnd ?? 0) / 1000 - now, text]),
  ).toEqual([
    [-300, -200, 'cable pulled (session 1)'],
    [-100, -now, 'no answer (session 1)'],
  ])
})
