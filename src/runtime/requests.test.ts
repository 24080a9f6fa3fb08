import { afterEach, expect, mock, setSystemTime, spyOn, test } from 'bun:test'
import type { Bus } from '../bus/bus.ts'
import { MemoryHub } from '../bus/memory.ts'
import { channels } from '../core/channels.ts'
import { Requests } from './requests.ts'

const START = 1_700_000_000
const setClock = (seconds: number) => setSystemTime(new Date((START + seconds) * 1000))
const at = (seconds: number) => {
  setClock(seconds)
  spyOn(performance, 'now').mockReturnValue(50_000 + seconds * 1000)
}
afterEach(() => {
  setSystemTime()
  mock.restore()
})

async function answering() {
  at(0)
  const hub = new MemoryHub()
  const replies: string[] = []
  await hub.connect('me').subscribe(channels.reply, { root: 'observatory' }, ({ msg }) => replies.push(msg))
  const bugs: unknown[] = []
  const about = { root: 'observatory', instance: 'it' }
  const requests = new Requests(hub.connect('it'), about, (error) => bugs.push(error))
  let acted = 0
  const act = () => ({ status: 0 as const, msg: `acted ${++acted}` })
  const ask = async (
    id: string,
    { client = 'me', once = true, sent = Date.now() / 1000, timeout = 5 } = {},
  ) => {
    await requests.handle(client, { id, sent, timeout, params: {} }, once, act)
    await Promise.resolve()
    return replies.at(-1)
  }
  return { ask, requests, bugs, acted: () => acted }
}

test('an answer that is there at once goes out with the acknowledgement of its request: in the same turn', () => {
  at(0)
  const sent: unknown[] = []
  const bus = { connected: true, publishText: async (...given: unknown[]) => void sent.push(given[2]) }
  const about = { root: 'observatory', instance: 'it' }
  const requests = new Requests(bus as unknown as Bus, about, () => {})
  const request = { id: 'a', sent: START, timeout: 5, params: {} }
  const act = () => ({ status: 0 as const, msg: 'done' })
  for (const once of [true, false, true]) void requests.handle('me', request, once, act)
  expect(sent).toEqual(Array.from({ length: 3 }, () => '{"id":"a","status":0,"msg":"done"}'))
})

test('an answer is what was told, whatever becomes of it afterwards: also to a request that comes again', () => {
  at(0)
  const sent: unknown[] = []
  const bus = { connected: true, publishText: async (...given: unknown[]) => void sent.push(given[2]) }
  const requests = new Requests(bus as unknown as Bus, { root: 'observatory', instance: 'it' }, () => {})
  const session = { data: { fields: { T: 4 } } }
  const ask = () =>
    requests.handle('me', { id: 'a', sent: START, timeout: 5, params: {} }, true, () => {
      return { status: 0 as const, msg: '', session: session as never }
    })
  void ask()
  session.data.fields.T = 5
  void ask()
  const told = '{"id":"a","status":0,"msg":"","session":{"data":{"fields":{"T":4}}}}'
  expect(sent).toEqual([told, told])
})

test('by client and id a request acts once, as long as it could come again', async () => {
  const { ask, acted } = await answering()
  const sent = START
  expect(await ask('a', { sent, timeout: 60 })).toBe('acted 1')
  expect(await ask('a', { sent, timeout: 60, client: 'another' })).toBe('acted 2')
  at(59)
  for (let n = 0; n < 3000; n++) await ask(`b${n}`)
  expect(await ask('a', { sent, timeout: 60 })).toBe('acted 1')
  at(61)
  expect(await ask('a', { sent, timeout: 60 })).toBe(
    'This request came 1.0 s after its time-out of 60 s; not acted on.',
  )
  expect(acted()).toBe(3002)
})

test('what only reads is answered anew each time', async () => {
  const { ask } = await answering()
  expect(await ask('a', { once: false })).toBe('acted 1')
  expect(await ask('a', { once: false })).toBe('acted 2')
})

test('a flood is refused before one request could act twice, and is over with its time-outs', async () => {
  const { ask } = await answering()
  for (let n = 0; n < 10_000; n++) await ask(`n${n}`)
  expect(await ask('more')).toBe('Too many requests at a time; not acted on.')
  expect(await ask('n0')).toBe('acted 1')
  at(6)
  expect(await ask('more')).toBe('acted 10001')
})

test('a bug in an answer is told, and answered', async () => {
  const { requests, bugs } = await answering()
  const bug = new RangeError('no')
  await requests.handle('me', { id: 'x', sent: START, timeout: 5, params: {} }, true, () => {
    throw bug
  })
  expect(bugs).toEqual([bug])
})

test('an agent that began while its clock was a day ahead is not deaf until tomorrow', async () => {
  const { ask } = await answering()
  setClock(-86_400)
  expect(await ask('a')).toBe('acted 1')
  expect(await ask('a')).toBe('acted 1')
  expect(await ask('b', { sent: START - 86_451, timeout: 60 })).toBe(
    'This request was sent before the agent started; not acted on: send it again.',
  )
})
