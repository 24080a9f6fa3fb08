import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createServer, type Socket } from 'node:net'
import { type Hub, startHub } from '../src/broker/hub.ts'
import { MemoryHub } from '../src/bus/memory.ts'
import { connectMqtt, reached } from '../src/bus/mqtt.ts'
import { channels } from '../src/core/channels.ts'
import { everybody } from '../src/principals/identify.ts'
import { ownClock } from './own-clock.ts'

const root = 'observatory'
const request = (id: string) => ({ id, sent: 0, timeout: 1, params: {} })
let clock: Disposable
beforeAll(() => {
  clock = ownClock()
})
afterAll(() => clock[Symbol.dispose]())
const to = { root, instance: 'agent', op: 'acq', action: 'start' }

function start(port = 0): Promise<Hub> {
  const listen = [{ host: '127.0.0.1', port }]
  return startHub({
    identify: everybody,
    root,
    realm: 'test_realm',
    version: '0',
    listen,
    websocket: [{ host: '127.0.0.1', port: 0 }],
    log: () => {},
  })
}
async function join(hub: Hub, client: string) {
  const bus = connectMqtt({ url: hub.urls.mqtt ?? '', client })
  await reached(bus, hub.urls.mqtt ?? '', 5)
  return bus
}
function lost(bus: { onConnected(listener: (connected: boolean) => void): Disposable }): Promise<void> {
  return new Promise((resolve) => bus.onConnected((connected) => !connected && resolve()))
}

test('what waits for a hub that is away is rejected when the bus is disposed, and harms nobody who does not look', async () => {
  const hub = await start()
  const bus = await join(hub, 'me')
  const away = lost(bus)
  await hub.close()
  await away
  const waited = bus.publish(channels.request, { ...to, client: 'me' }, request('a'))
  void bus.publish(channels.request, { ...to, client: 'me' }, request('b'))
  await bus[Symbol.asyncDispose]()
  await expect(waited).rejects.toThrow('closed')
  void bus.publish(channels.request, { ...to, client: 'me' }, request('c'))
  await expect(bus.publish(channels.request, { ...to, client: 'me' }, request('d'))).rejects.toThrow(
    'disconnecting',
  )
})

test('QoS 1 waits for a hub that comes back, subscriptions come back by themselves', async () => {
  const hub = await start()
  const port = Number(new URL(hub.urls.mqtt ?? '').port)
  await using a = await join(hub, 'a')
  await using b = await join(hub, 'b')
  const seen: string[] = []
  await b.subscribe(channels.request, { root, instance: 'agent' }, ({ id }) => seen.push(id))
  await a.publish(channels.request, { ...to, client: 'a' }, request('r1'))
  const away = Promise.all([lost(a), lost(b)])
  await hub.close()
  await away
  const back = new Promise<void>((resolve) => b.onConnected((connected) => connected && resolve()))
  const sent = ['r2', 'r3'].map((id) => a.publish(channels.request, { ...to, client: 'a' }, request(id)))
  // Beginning or ending a subscription while the hub is away blocks nobody.
  const other = await b.subscribe(channels.event, { root }, () => {})
  await other[Symbol.asyncDispose]()
  const again = await start(port)
  await back
  await Promise.all(sent)
  // A subscription may be renewed after waiting messages were sent: only later ones are certain to arrive.
  await b.subscribe(channels.ping, { root, client: 'b' }, () => {})
  await a.publish(channels.request, { ...to, client: 'a' }, request('r4'))
  while (!seen.includes('r4')) await new Promise((resolve) => setImmediate(resolve))
  expect([seen[0], seen.at(-1)]).toEqual(['r1', 'r4'])
  await again.close()
})

test('in memory QoS 1 waits for the hub as well, QoS 0 is dropped', async () => {
  const hub = new MemoryHub()
  const a = hub.connect('a')
  const seen: string[] = []
  await hub.connect('b').subscribe(channels.request, { root, instance: 'agent' }, ({ id }) => seen.push(id))
  await hub.connect('b').subscribe(channels.event, { root }, ({ text }) => seen.push(text))
  hub.stop()
  const sent = a.publish(channels.request, { ...to, client: 'a' }, request('r1'))
  const event = { time: 0, level: 'info' as const, kind: 'test', text: 'gone' }
  await a.publish(channels.event, { root, instance: 'a' }, event)
  expect(seen).toEqual([])
  hub.start()
  await sent
  await Promise.resolve()
  expect(seen).toEqual(['r1'])
})

test('a message too large for the hub is refused before it is sent, and the connection stands', async () => {
  const hub = await start()
  await using bus = await join(hub, 'me')
  const params = { text: 'x'.repeat(5 << 20) }
  const sent = bus.publish(channels.request, { ...to, client: 'me' }, { ...request('a'), params })
  await expect(sent).rejects.toThrow('too many for one message')
  await bus.publish(channels.request, { ...to, client: 'me' }, request('b'))
  expect(bus.connected).toBe(true)
  await hub.close()
})

test('a connection that is lost before the hub has granted a subscription is no error', async () => {
  // A hub that answers CONNECT, and cuts the connection at the first SUBSCRIBE.
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('data', (bytes: Buffer) => {
      if (bytes[0] === 0x10) socket.write(Uint8Array.of(0x20, 2, 0, 0))
      else if ((bytes[0] ?? 0) >> 4 === 8) socket.destroy()
    })
    socket.on('error', () => {})
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const url = `mqtt://127.0.0.1:${port}`
  const bus = connectMqtt({ url, client: 'me' })
  await reached(bus, url, 5)
  const subscription = await bus.subscribe(channels.event, { root }, () => {})
  await subscription[Symbol.asyncDispose]()
  await bus[Symbol.asyncDispose]()
  for (const socket of sockets) socket.destroy()
  server.close()
})
