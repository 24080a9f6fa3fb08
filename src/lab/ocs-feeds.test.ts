import { expect, jest, test } from 'bun:test'
import { MemoryHub } from '../bus/memory.ts'
import { channels } from '../core/channels.ts'
import type { OcsMessage } from '../core/ocs.ts'
import type { InstanceView } from './lab-view.ts'
import { isMeant, listenOcs } from './ocs-feeds.ts'

const ADDRESS = 'observatory.ls240.feeds.temperatures'

test.each([
  ['exact', ADDRESS, true],
  ['exact', 'observatory.ls240.feeds', false],
  ['prefix', 'observatory.ls240.feeds.', true],
  ['prefix', 'observatory.ls240.feeds.temp', true],
  ['prefix', 'observatory.ls241', false],
  ['wildcard', 'observatory..feeds.', true],
  ['wildcard', 'observatory..feeds.temperatures', true],
  ['wildcard', '...', true],
  ['wildcard', 'observatory..feeds', false],
  ['wildcard', 'observatory..feeds.pressures', false],
] as const)('%s %s', (match, topic, means) => {
  expect(isMeant({ topic, match }, ADDRESS)).toBe(means)
})

const view = (state: InstanceView['state'], ops: Record<string, number | undefined>): InstanceView =>
  ({
    presence: { session: 's1' },
    api: {
      agent_class: 'TestAgent',
      ops: Object.fromEntries(Object.keys(ops).map((op) => [op, {}])),
      feeds: {
        temperatures: {
          record: true,
          frame_length: 60,
          blocks: {
            temps: {
              T: { type: 'double', influxdb_tags: { _field: 'temperature', channel: 1 } },
              n: { type: 'int' },
            },
          },
        },
      },
    },
    sessions: new Map(Object.entries(ops).flatMap(([op, code]) => (code ? [[op, { op_code: code }]] : []))),
    state,
  }) as never

test('agents that live are heard by their heartbeats, once a second, with what their operations do', async () => {
  jest.useFakeTimers()
  try {
    const heard: OcsMessage[] = []
    const instances = new Map([
      ['ls240', view('online', { acq: 3, set_values: undefined })],
      ['gone', view('lost', { acq: 3 })],
    ])
    const listen = (topic: string, match: 'exact' | 'prefix' | 'wildcard') =>
      listenOcs(new MemoryHub().connect('me'), 'observatory', { instances }, { topic, match }, (message) =>
        heard.push(message),
      )
    const all = await listen('observatory..feeds.heartbeat', 'wildcard')
    const exact = await listen('observatory.ls240.feeds.temperatures', 'exact')
    jest.advanceTimersByTime(2000)
    expect(heard.map(({ message }) => message)).toEqual([
      { acq: 3, set_values: 1 },
      { acq: 3, set_values: 1 },
    ])
    expect(heard[0]?.feed).toMatchObject({
      feed_name: 'heartbeat',
      address: 'observatory.ls240.feeds.heartbeat',
      agent_address: 'observatory.ls240',
      record: false,
      agent_class: 'TestAgent',
    })
    await all[Symbol.asyncDispose]()
    await exact[Symbol.asyncDispose]()
    jest.advanceTimersByTime(5000)
    expect(heard).toHaveLength(2)
  } finally {
    jest.useRealTimers()
  }
})

test('blocks have the tags of their fields', async () => {
  const hub = new MemoryHub()
  const { promise, resolve } = Promise.withResolvers<OcsMessage>()
  const instances = new Map([['ls240', view('online', {})]])
  const topic = { topic: 'observatory.ls240.', match: 'prefix' } as const
  await using _ = await listenOcs(hub.connect('me'), 'observatory', { instances }, topic, resolve)
  const row = { epoch: 'e1', block: 'temps', t: [1], data: { T: [4.2], n: [1] } }
  await hub
    .connect('ls240')
    .publish(channels.feed, { root: 'observatory', instance: 'ls240', feed: 'temperatures' }, row)
  expect((await promise).blocks?.['temps']).toMatchObject({
    types: { T: 'double', n: 'int' },
    influxdb_tags: { T: { _field: 'temperature', channel: 1 } },
  })
})
