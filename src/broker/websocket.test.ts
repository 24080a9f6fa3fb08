import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createConnection } from 'node:net'
import { connectAsync } from 'mqtt'
import { testHub } from './hub.test-aid.ts'
import { limits } from './limits.ts'
import { packet } from './raw-client.test-aid.ts'
import { refuseOrigin } from './websocket.ts'

let at: Awaited<ReturnType<typeof testHub>>
beforeAll(async () => {
  at = await testHub()
})
afterAll(() => at.hub.close())

const join = (clientId: string) =>
  connectAsync(at.hub.urls.ws, { clientId, protocolVersion: 4, reconnectPeriod: 0, keepalive: 30 })
/** A bare WebSocket and the data that it receives. */
async function bare(protocols: string[] = ['mqtt']) {
  const ws = new WebSocket(at.hub.urls.ws, protocols)
  ws.binaryType = 'arraybuffer'
  const closed = new Promise<void>((resolve) => ws.addEventListener('close', () => resolve()))
  const answer = new Promise<Buffer>((resolve) =>
    ws.addEventListener('message', ({ data }) => resolve(Buffer.from(data as ArrayBuffer)), { once: true }),
  )
  await new Promise((resolve) => ws.addEventListener('open', resolve, { once: true }))
  return { ws, closed, answer }
}

test('listens on /ws and carries messages both ways, also to and from TCP', async () => {
  expect(at.hub.urls.ws).toEndWith('/ws')
  const web = await join('web')
  const tcp = await connectAsync(at.hub.urls.mqtt, { clientId: 'tcp', reconnectPeriod: 0 })
  await Promise.all([
    web.subscribeAsync('observatory/tcp/events'),
    tcp.subscribeAsync('observatory/web/events'),
  ])
  const large = 'x'.repeat(3_000_000)
  const seen = [web, tcp].map(
    (client) => new Promise((resolve) => client.once('message', (_, payload) => resolve(payload.length))),
  )
  await Promise.all([
    web.publishAsync('observatory/web/events', large, { qos: 1 }),
    tcp.publishAsync('observatory/tcp/events', large, { qos: 1 }),
  ])
  expect(await Promise.all(seen)).toEqual([large.length, large.length])
  await Promise.all([web.endAsync(), tcp.endAsync()])
})

test('a reader that pauses and goes on gets all of it', async () => {
  const source = await connectAsync(at.hub.urls.mqtt, { clientId: 'source', reconnectPeriod: 0 })
  const { hostname, port, host } = new URL(at.hub.urls.ws)
  const socket = createConnection({ host: hostname, port: Number(port) })
  socket.write(
    `GET /ws HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n` +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n',
  )
  await new Promise((resolve) => socket.once('data', resolve))
  // One final binary frame (RFC 6455 §5.2), masked with zeros.
  const bytes = Buffer.concat([packet.connect('pausing'), packet.subscribe('observatory/source/events')])
  socket.write(Buffer.concat([Buffer.from([0x82, 0x80 | bytes.length, 0, 0, 0, 0]), bytes]))
  await new Promise((resolve) => socket.once('data', resolve))
  // Less than the limit for a cut, more than the kernel buffers.
  socket.pause()
  for (let n = 0; n < 8; n++) {
    await source.publishAsync('observatory/source/events', Buffer.alloc(1_000_000), { qos: 1 })
  }
  let received = 0
  const all = new Promise<void>((resolve) => {
    socket.on('data', (part: Buffer) => {
      received += part.length
      if (received >= 8_000_000) resolve()
    })
  })
  socket.resume()
  await all
  socket.destroy()
  await source.endAsync()
})

test('a refused log-in gets its answer', async () => {
  const holder = await join('twice')
  await expect(join('twice')).rejects.toMatchObject({ code: 2 })
  await holder.endAsync()
})

test('packets in pieces, and several in one frame', async () => {
  const { ws, answer, closed } = await bare()
  const bytes = Buffer.concat([packet.connect('pieces'), packet.subscribe('observatory/#')])
  ws.send(bytes.subarray(0, 5))
  ws.send(bytes.subarray(5))
  expect((await answer).subarray(0, 4)).toEqual(Buffer.from([0x20, 2, 0, 0]))
  ws.close()
  await closed
})

test('a packet too large and a text frame end the connection', async () => {
  const large = await bare()
  large.ws.send(Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]))
  await large.closed
  expect(await at.logged('the limit here is')).toContain(String(limits.connect_bytes))
  const text = await bare()
  text.ws.send('hello')
  await text.closed
  expect(await at.logged('text frame')).toStartWith('connection from 127.0.0.1')
})

test('the last will of a WebSocket that vanishes is published', async () => {
  const tcp = await connectAsync(at.hub.urls.mqtt, { clientId: 'heir', reconnectPeriod: 0 })
  await tcp.subscribeAsync('observatory/mortal/presence')
  const will = new Promise<string>((resolve) => tcp.once('message', (_, payload) => resolve(String(payload))))
  const { ws, answer } = await bare()
  ws.send(packet.connect('mortal', { will: { topic: 'observatory/mortal/presence', payload: 'gone' } }))
  await answer
  ws.terminate()
  expect(await will).toBe('gone')
  await tcp.endAsync()
})

test.each([
  ['/', {}, 404],
  ['/ws', {}, 426],
  ['/info', { 'Sec-Fetch-Site': 'cross-site' }, 403],
  ['/ws', { Upgrade: 'websocket', Connection: 'Upgrade', Host: 'evil.example' }, 403],
  ['/ws', { Upgrade: 'websocket', Connection: 'Upgrade', Origin: 'http://evil.example' }, 403],
  ['/ws', { Upgrade: 'websocket', Connection: 'Upgrade', 'Sec-WebSocket-Protocol': 'wamp.2.json' }, 400],
] as const)('GET %s with %o is answered %i', async (path, headers, status) => {
  const url = new URL(path, at.hub.urls.ws.replace('ws:', 'http:'))
  expect((await fetch(url, { headers })).status).toBe(status)
})

test.each(['Host:\r\n', 'Host: \x00\r\n', ''])(
  'a request with %j for its Host is refused, and shows no page of Bun',
  async (host) => {
    const { hostname, port } = new URL(at.hub.urls.ws)
    const socket = createConnection({ host: hostname, port: Number(port) })
    const parts: Buffer[] = []
    socket.on('data', (part) => parts.push(Buffer.from(part)))
    const over = new Promise((resolve) => socket.once('close', resolve))
    socket.write(`GET /ws HTTP/1.1\r\n${host}Connection: close\r\n\r\n`)
    await over
    const answer = Buffer.concat(parts).toString()
    expect(answer).toMatch(/^(HTTP\/1\.1 4\d\d |$)/)
    expect(answer).not.toMatch(/<html|bun/i)
  },
)

test.each([
  ['127.0.0.1', 'localhost:8001', null, true],
  ['127.0.0.1', '[::1]:8001', null, true],
  ['127.0.0.1', 'localhost:8001', 'http://localhost:8001', true],
  ['127.0.0.1', 'localhost:8001', 'http://localhost:5000', false],
  ['127.0.0.1', 'localhost:8001', 'null', false],
  ['127.0.0.1', 'lab.example:8001', null, false],
  ['127.0.0.1', null, null, false],
  ['0.0.0.0', 'lab.example:8001', null, true],
  ['0.0.0.0', 'lab.example:8001', 'http://evil.example', false],
  // A page whose own host name was re-pointed to this machine.
  ['0.0.0.0', 'evil.example:8001', 'http://evil.example:8001', false],
  ['0.0.0.0', '10.0.0.7:8001', 'http://10.0.0.7:8001', true],
])('listening on %s, Host %p, Origin %p: fine is %p', (listen, host, origin, fine) => {
  expect(refuseOrigin({ listen }, host, origin) === undefined).toBe(fine)
})

test.each([
  ['grumpy.lab:8080', null, true],
  ['10.0.0.7:8080', null, true],
  ['evil.example:8080', null, false],
  ['evil.example:8080', 'https://evil.example:8080', false],
  [null, null, false],
])('with a certificate for grumpy.lab, Host %p, Origin %p: fine is %p', (host, origin, fine) => {
  const known = { listen: '0.0.0.0', names: ['grumpy.lab'], isNamed: true }
  expect(refuseOrigin(known, host, origin) === undefined).toBe(fine)
})
