import { expect, test } from 'bun:test'
import { UNHURRIED_MS } from '../../test/turns-clock.ts'
import type { Bus } from '../bus/bus.ts'
import { MemoryHub } from '../bus/memory.ts'
import { channels } from '../core/channels.ts'
import { TransportError } from '../core/errors.ts'
import { caller } from '../lab/request-client.ts'
import { Requests } from './requests.ts'

const about = { root: 'observatory', instance: 'agent', since: 0 }
const request = (id: string) => ({ id, sent: Date.now() / 1000, timeout: 600, params: {} })

function setUp(change = (bus: Bus): Bus => bus) {
  const hub = new MemoryHub()
  const bugs: unknown[] = []
  const requests = new Requests(change(hub.connect('agent')), about, (error) => bugs.push(error))
  return { hub, requests, bugs }
}

test('an answer that cannot be sent ends nothing', async () => {
  const failing = (error: Error) => (bus: Bus) => ({
    ...bus,
    connected: true,
    publishText: () => Promise.reject(error),
  })
  const ok = () => ({ status: 0, msg: '' }) as const
  const lost = setUp(failing(new TransportError('the connection is closed')))
  await lost.requests.handle('me', request('a'), true, ok)
  expect(lost.bugs).toEqual([])
  const wrong = setUp()
  await wrong.requests.handle('not/a/name', request('a'), true, ok)
  await wrong.requests.handle('me', request('b'), false, () => ({ ...ok(), result: 1n }))
  expect(wrong.bugs).toHaveLength(2)
})

test('an id that fits no topic is refused before anything acts', () => {
  expect(channels.request.payload.safeParse(request('a/b')).success).toBe(false)
  expect(channels.request.payload.safeParse(request(crypto.randomUUID())).success).toBe(true)
})

test('a long result comes in pieces and is whole again, whatever it is made of', async () => {
  const { hub, requests } = setUp()
  const result = { text: '𝄞"\\\n'.repeat(200_000), list: [1, null, 'x'] }
  const agent = hub.connect('agent')
  await agent.subscribe(channels.query, { root: 'observatory', instance: 'agent' }, (asked, { client }) => {
    void requests.handle(client, asked, false, () => ({ status: 0, msg: '', result }))
  })
  await using ask = await caller(hub.connect('asker'), 'observatory')
  expect(await ask.query('agent', 'all', {}, UNHURRIED_MS / 1000)).toEqual(result)
})
