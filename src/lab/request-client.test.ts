import { heapStats } from 'bun:jsc'
import { afterEach, expect, jest, test } from 'bun:test'
import { MemoryHub } from '../bus/memory.ts'
import { channels } from '../core/channels.ts'
import { caller } from './request-client.ts'

const root = 'observatory'
afterEach(() => {
  jest.useRealTimers()
})

test('a request that nobody heard is sent again with its id until the agent is there', async () => {
  jest.useFakeTimers()
  const hub = new MemoryHub()
  await using ask = await caller(hub.connect('me'), root)
  const asked = ask.request('late', 'acq', 'start')
  const agent = hub.connect('late')
  const ids: string[] = []
  await agent.subscribe(channels.request, { root, instance: 'late' }, ({ id }, { client }) => {
    ids.push(id)
    void agent.publish(
      channels.reply,
      { root, instance: 'late', client, id },
      { id, status: 0, msg: 'Started.' },
    )
  })
  jest.advanceTimersByTime(1000)
  expect(await asked).toMatchObject({ status: 0, msg: 'Started.' })
  expect(ids.length).toBe(1)
})

test('a refusal says for programs why', async () => {
  const hub = new MemoryHub()
  const agent = hub.connect('node')
  await agent.subscribe(channels.request, { root, instance: 'node' }, ({ id }, { client }) => {
    const answer = { id, status: -1, msg: 'It runs.', kind: 'running' } as const
    void agent.publish(channels.reply, { root, instance: 'node', client, id }, answer)
  })
  await using ask = await caller(hub.connect('me'), root)
  expect(await ask.request('node', 'acq', 'start')).toEqual({
    status: -1,
    msg: 'It runs.',
    kind: 'running',
    session: {},
  })
})

test('a caller that is closed leaves nobody waiting', async () => {
  const hub = new MemoryHub()
  const ask = await caller(hub.connect('me'), root)
  const asked = ask.request('nobody', 'acq', 'wait', {}, 3600)
  await ask[Symbol.asyncDispose]()
  await expect(asked).rejects.toThrow('closed before the answer came')
})

test('an agent that does not answer is named', async () => {
  await using ask = await caller(new MemoryHub().connect('me'), root)
  await expect(ask.request('nobody', 'acq', 'start', {}, 0.05)).rejects.toThrow(
    'nobody did not answer within 0.05 s: is it running?',
  )
})

test('a caller that lives long keeps nothing of what it has asked', async () => {
  const hub = new MemoryHub()
  const agent = hub.connect('node')
  await agent.subscribe(channels.query, { root, instance: 'node' }, ({ id }, { client }) => {
    const address = { root, instance: 'node', client, id }
    void agent.publish(channels.reply, address, { id, status: 0, msg: '', result: { id } })
  })
  await using ask = await caller(hub.connect('me'), root)
  const promises = async () => {
    for (let times = 0; times < 500; times++) await ask.query('node', 'get_data', {})
    Bun.gc(true)
    return heapStats().objectTypeCounts['Promise'] ?? 0
  }
  const before = await promises()
  expect((await promises()) - before).toBeLessThan(100)
})
