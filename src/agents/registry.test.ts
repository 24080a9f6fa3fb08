import { expect, test } from 'bun:test'
import { MemoryHub } from '../bus/memory.ts'
import type { Agent } from '../core/agent.ts'
import { channels, type Presence, type Row } from '../core/channels.ts'
import { type OpSession, opCodeOf } from '../core/ops.ts'
import { caller } from '../lab/request-client.ts'
import { runAgent } from '../runtime/run-agent.ts'
import registry from './registry.ts'

const root = 'observatory'

/** A registry on a hub, and a made-up agent beside it. */
async function running(args: unknown) {
  const hub = new MemoryHub()
  const watcher = hub.connect('watcher')
  const rows: Row[] = []
  let look = () => {}
  let latest: OpSession | undefined
  await watcher.subscribe(channels.feed, { root, instance: 'registry' }, (row) => {
    rows.push(row)
    look()
  })
  await watcher.subscribe(channels.session, { root, instance: 'registry', op: 'main' }, (now) => {
    latest = now
    look()
  })
  const identity = {
    root,
    instance: 'registry',
    agentClass: 'RegistryAgent',
    session: 's',
    since: 1,
    version: '0',
  }
  const bus = hub.connect('registry')
  const ask = await caller(watcher, root)
  const agent = await runAgent({ agent: registry as unknown as Agent, args, identity, bus, log: () => {} })
  const other = hub.connect('fake-1')
  return {
    rows,
    ask,
    entry: (instance: string) =>
      (latest?.data as Record<string, Record<string, unknown>>)?.[`${root}.${instance}`],
    until: (condition: () => boolean) =>
      new Promise<void>((resolve) => {
        look = () => condition() && resolve()
        look()
      }),
    presence: (state: Presence['state']) =>
      other.publish(
        channels.presence,
        { root, instance: 'fake-1' },
        {
          state,
          session: 'x',
          since: 1,
          time: Date.now() / 1000,
          agent_class: 'FakeAgent',
          host: 'h',
          pid: 1,
          version: '0',
        },
      ),
    session(status: OpSession['status'], success: boolean | null = null) {
      const about = {
        op_name: 'acq',
        session_id: 0,
        degraded: false,
        start_time: 1,
        end_time: null,
        started_by: 'me',
      }
      const session = { ...about, status, success, data: {}, messages: [] }
      return other.publish(
        channels.session,
        { root, instance: 'fake-1', op: 'acq' },
        { ...session, op_code: opCodeOf(session) },
      )
    },
    [Symbol.asyncDispose]: () => agent.stop(),
  }
}

test('who is alive and what each operation does, recorded as it changes; who has gone is expired', async () => {
  await using on = await running({ wait_time: 3600 })
  const codes = () =>
    on.rows
      .filter(({ block }) => block === 'observatory_fake_1_acq')
      .map(({ data }) => data['observatory_fake_1_acq']?.[0])
  await on.presence('online')
  await on.session('running')
  await on.until(() => codes().length === 1)
  await on.until(() => on.entry('fake-1') !== undefined)
  expect(on.entry('fake-1')).toMatchObject({
    expired: false,
    time_expired: null,
    op_codes: { acq: 3 },
    agent_class: 'FakeAgent',
    agent_address: 'observatory.fake-1',
  })
  await on.session('done', false)
  await on.until(() => codes().length === 2)
  await on.presence('lost')
  await on.until(() => codes().length === 3)
  expect(codes()).toEqual([3, 6, 7])
  await on.until(() => on.entry('fake-1')?.['expired'] === true)
  const { time_expired } = on.entry('fake-1') ?? {}
  await on.presence('online')
  await on.until(() => codes().length === 4)
  expect([codes().at(-1), typeof time_expired]).toEqual([6, 'number'])
  expect(on.rows.filter(({ block }) => block === 'observatory_registry_main').length).toBe(1)
}, 20_000)

test('unchanged codes are recorded again after the time to wait; an old client may register', async () => {
  await using on = await running({ wait_time: 0.5 })
  await on.until(() => on.rows.filter(({ block }) => block === 'observatory_registry_main').length >= 3)
  expect((await on.ask.request('registry', 'register_agent', 'start')).status).toBe(0)
  expect((await on.ask.request('registry', 'register_agent', 'wait')).session).toMatchObject({
    success: true,
  })
}, 20_000)
