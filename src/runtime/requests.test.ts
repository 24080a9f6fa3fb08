import { expect, test } from 'bun:test'
import type { Bus } from '../bus/bus.ts'
import { MemoryHub } from '../bus/memory.ts'
import { channels, type Reply } from '../core/channels.ts'
import { TransportError } from '../core/errors.ts'
import { caller } from './client.ts'
import { Requests } from './requests.ts'

const about = { root: 'observatory', instance: 'agent', since: 0 }
const request = (id: string) => ({ id, sent: Date.now() / 1000, timeout: 5, params: {} })

async function setUp(change = (bus: Bus): Bus => bus) {
  const hub = new MemoryHub()
  const bugs: unknown[] = []
  const replies: Reply[] = []
  const requests = new Requests(change(hub.connect('agent')), about, (error) => bugs.push(error))
  await hub
    .connect('me')
    .subscribe(channels.reply, { root: 'observatory', client: 'me' }, (reply) => replies.push(reply))
  return { hub, requests, bugs, replies }
}

test('an operation acts once however often and however fast its request comes', async () => {
  const { requests, replies } = await setUp()
  let acts = 0
  const act = async () => {
    acts++
    await Promise.resolve()
    return { status: 0, msg: 'done' } as const
  }
  const same = request('a')
  await Promise.all([
    requests.handle('me', same, true, act),
    requests.handle('me', same, true, act),
    requests.handle('other', same, true, act),
  ])
  await requests.handle('me', same, true, act)
  await Promise.resolve()
  expect(acts).toBe(2)
  expect(replies.map(({ msg }) => msg)).toEqual(['done', 'done', 'done'])
})

test('what throws is a bug that is told and answered', async () => {
  const { requests, replies, bugs } = await setUp()
  await requests.handle('me', request('a'), true, () => {
    throw new Error('no such wheel')
  })
  await Promise.resolve()
  expect(replies[0]).toMatchObject({ id: 'a', status: -1, msg: 'no such wheel' })
  expect(bugs).toHaveLength(1)
})

test('an answer that cannot be sent ends nothing', async () => {
  const failing = (error: Error) => (bus: Bus) => ({
    ...bus,
    connected: true,
    publish: () => Promise.reject(error),
  })
  const ok = () => ({ status: 0, msg: '' }) as const
  const lost = await setUp(failing(new TransportError('the connection is closed')))
  await lost.requests.handle('me', request('a'), true, ok)
  expect(lost.bugs).toEqual([])
  const wrong = await setUp()
  await wrong.requests.handle('not/a/name', request('a'), true, ok)
  await wrong.requests.handle('me', request('b'), false, () => ({ ...ok(), result: 1n }))
  expect(wrong.bugs).toHaveLength(2)
})

test('an id that fits no topic is refused before anything acts', () => {
  expect(channels.request.payload.safeParse(request('a/b')).success).toBe(false)
  expect(channels.request.payload.safeParse(request(crypto.randomUUID())).success).toBe(true)
})

test('a long result comes in pieces and is whole again, whatever it is made of', async () => {
  const { hub, requests } = await setUp()
  const result = { text: '𝄞"\\\n'.repeat(200_000), list: [1, null, 'x'] }
  const agent = hub.connect('agent')
  await agent.subscribe(channels.query, { root: 'observatory', instance: 'agent' }, (asked, { client }) => {
    void requests.handle(client, asked, false, () => ({ status: 0, msg: '', result }))
  })
  await using ask = await caller(hub.connect('asker'), 'observatory')
  expect(await ask.query('agent', 'all', {})).toEqual(result)
})
