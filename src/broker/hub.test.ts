import { afterAll, beforeAll, expect, jest, spyOn, test } from 'bun:test'
import { Socket } from 'node:net'
import { connect, connectAsync, type IClientOptions, type MqttClient } from 'mqtt'
import { ownClock } from '../../test/own-clock.ts'
import { HubInfo } from '../core/channels.ts'
import { ConfigError } from '../core/errors.ts'
import { everybody } from '../principals/identify.ts'
import { presence, testHub } from './hub.test-aid.ts'
import { startHub } from './hub.ts'
import { limits } from './limits.ts'
import { packet, RawClient } from './raw-client.test-aid.ts'

let at: Awaited<ReturnType<typeof testHub>>
beforeAll(async () => {
  at = await testHub({ recorders: ['aggregator'] })
})
afterAll(() => at.hub.close())

const join = (clientId: string, more: IClientOptions = {}) =>
  connectAsync(at.hub.urls.mqtt, { clientId, protocolVersion: 4, reconnectPeriod: 0, keepalive: 30, ...more })
const next = (client: MqttClient, topic: string) =>
  new Promise<{ text: string; retain: boolean }>((resolve) => {
    client.on('message', (on, payload, { retain }) => {
      if (on === topic) resolve({ text: String(payload), retain })
    })
  })
const gone = (client: MqttClient) => new Promise<void>((resolve) => client.once('close', () => resolve()))

test('says what it is, retained', async () => {
  const client = await join('reader')
  const told = next(client, 'observatory/hub')
  await client.subscribeAsync('observatory/hub')
  const { text, retain } = await told
  expect(retain).toBeTrue()
  const info = HubInfo.parse(JSON.parse(text))
  expect(info).toMatchObject({ realm: 'test_realm', pid: process.pid, listeners: [...at.hub.listeners] })
  expect(info.limits['packet_bytes']).toBe(4 * 1024 * 1024)
  await client.endAsync()
})

test('carries messages at QoS 0 and 1, retained ones to late comers', async () => {
  const [agent, reader] = await Promise.all([join('ls240'), join('reader')])
  await reader.subscribeAsync('observatory/ls240/#', { qos: 1 })
  const row = next(reader, 'observatory/ls240/feeds/temperatures')
  await agent.publishAsync('observatory/ls240/feeds/temperatures', 'x'.repeat(2_000_000), { qos: 1 })
  expect((await row).text).toHaveLength(2_000_000)
  await agent.publishAsync('observatory/ls240/last/temperatures', '{"a":1}', { retain: true })
  const late = await join('late')
  const last = next(late, 'observatory/ls240/last/temperatures')
  await late.subscribeAsync('observatory/+/last/+')
  expect(await last).toEqual({ text: '{"a":1}', retain: true })
  expect(
    at.hub
      .clients()
      .map(({ id }) => id)
      .sort(),
  ).toEqual(['late', 'ls240', 'reader'])
  await Promise.all([agent.endAsync(), reader.endAsync(), late.endAsync()])
})

test('a refused publish closes the connection and is logged with the reason', async () => {
  const client = await join('intruder')
  const closed = gone(client)
  client.publish('observatory/ls240/presence', '{}', { retain: true })
  await closed
  expect(await at.logged('"intruder"', 'observatory/ls240/presence')).toContain('not its own client id')
})

test('QoS 2: a publish is refused, a subscription granted as QoS 1', async () => {
  const client = await join('two')
  const [granted] = await client.subscribeAsync('observatory/two/events', { qos: 2 })
  expect(granted?.qos).toBe(1)
  const closed = gone(client)
  client.publish('observatory/two/events', '{}', { qos: 2 })
  await closed
  expect(await at.logged('"two"')).toContain('QoS 2 is not served')
})

test('refused subscriptions are answered with failure, the rest of the same packet granted', async () => {
  const client = await join('watcher')
  const refused = client.subscribeAsync(['observatory/#', '$SYS/#', 'observatory/+/replies/other/+'])
  expect(refused).rejects.toThrow()
  await refused.catch(() => {})
  expect(await at.logged('"watcher"', '$SYS')).toContain('are not available')
  expect(await at.logged('"watcher"', 'replies')).toContain('for that client')
  expect(client.connected).toBeTrue()
  await client.endAsync()
})

test('many refused subscriptions are logged a few times, and foreign text begins no line', async () => {
  const client = await join('asker')
  const filters = Array.from({ length: 50 }, (_, n) => `$SYS/\n${n}`)
  await client.subscribeAsync(filters).catch(() => {})
  await client.endAsync()
  const lines = at.lines.filter((line) => line.includes('"asker"'))
  expect(lines).toHaveLength(10)
  expect(lines.join()).not.toContain('\n')
})

test.each([
  ['an id that does not fit a topic', 2, 'a/b', {}],
  ["the hub's own id", 2, 'hub', {}],
  ['a prototype key', 2, '__proto__', {}],
  ['no id and a session to keep', 2, '', { clean: false }],
  ['MQTT 5', 1, 'five', { version: 5 }],
  [
    "a last will on another's topic",
    5,
    'mean',
    { will: { topic: 'observatory/ls240/presence', payload: '{}' } },
  ],
  [
    'a last will at QoS 2',
    5,
    'mean',
    { will: { topic: 'observatory/mean/presence', payload: '{}', qos: 2 } },
  ],
] as const)('CONNECT with %s is refused with code %i', async (_, code, id, more) => {
  const client = new RawClient(at.hub.urls.mqtt)
  expect(await client.connect(id, more)).toBe(code)
  await client.closed
})

test.each([0, 65_535])(
  'a keep alive of %i s is taken: its transport says whether the other end is there',
  async (keepalive) => {
    const told = spyOn(Socket.prototype, 'setKeepAlive')
    const client = new RawClient(at.hub.urls.mqtt)
    expect(await client.connect('sleepy', { keepalive })).toBe(0)
    expect(told.mock.calls).toEqual([[true, limits.silence * 1000]])
    told.mockRestore()
    client.socket.destroy()
    await client.closed
  },
)

test('a client without an id gets one that fits a topic', async () => {
  const client = new RawClient(at.hub.urls.mqtt)
  expect(await client.connect('')).toBe(0)
  expect(at.hub.clients().map(({ id }) => id)).toContainEqual(expect.stringMatching(/^client-[0-9a-f]{8}$/))
  client.socket.destroy()
  await client.closed
})

test('a session is never kept', async () => {
  const first = new RawClient(at.hub.urls.mqtt)
  await first.connect('keeper', { clean: false })
  first.send(packet.subscribe('observatory/#', 1))
  await first.take(5)
  first.socket.destroy()
  await first.closed
  const again = new RawClient(at.hub.urls.mqtt)
  again.send(packet.connect('keeper', { clean: false }))
  expect((await again.take(4))[2]).toBe(0) // no session present
  again.socket.destroy()
})

test.each(['cut', 'silent'] as const)(
  'the last will of a client that is %s is published, with when',
  async (how) => {
    const reader = await join(`heir-${how}`)
    const topic = `observatory/mortal-${how}/presence`
    await reader.subscribeAsync(topic)
    const will = next(reader, topic)
    const client = new RawClient(at.hub.urls.mqtt)
    const payload = JSON.stringify(presence('s1'))
    await client.connect(`mortal-${how}`, { keepalive: 1, will: { topic, payload, retain: true } })
    if (how === 'cut') client.socket.destroy()
    const { left, ...said } = JSON.parse((await will).text) as Record<'left' | 'time', number>
    expect(said).toEqual(JSON.parse(payload))
    expect(left).toBeGreaterThan(said.time)
    if (how === 'silent') expect(await at.logged('mortal-silent')).toContain('keep alive timeout')
    await reader.endAsync()
  },
)

test('a packet too large is cut at its length, before and after CONNECT', async () => {
  const before = new RawClient(at.hub.urls.mqtt)
  before.send(Buffer.from([0x10, 0x81, 0x20])) // 4097
  await before.closed
  expect(await at.logged('the limit here is 4096')).toStartWith('connection from 127.0.0.1')
  const after = new RawClient(at.hub.urls.mqtt)
  expect(await after.connect('large')).toBe(0)
  after.send(Buffer.from([0x30, 0x81, 0x80, 0x80, 0x02])) // 4 MiB + 1
  await after.closed
  expect(await at.logged('"large"')).toContain('the limit here is 4194304')
})

test('a topic of more than ten levels is refused', async () => {
  const client = new RawClient(at.hub.urls.mqtt)
  await client.connect('deep')
  client.send(packet.subscribe('observatory/a/b/c/d/e/f/g/h/i/j'))
  await client.closed
  expect(await at.logged('"deep"')).toContain('too many levels')
})

test('who publishes while its log-in takes long loses nothing', async () => {
  const reader = await join('counter')
  await reader.subscribeAsync('observatory/slow/feeds/f', { qos: 0 })
  const seen: number[] = []
  const all = new Promise<void>((resolve) => {
    reader.on('message', (_, payload) => {
      seen.push(Number(String(payload).slice(0, 5)))
      if (seen.length === 3000) resolve()
    })
  })
  // The holder never answers, so the newcomer's log-in takes the whole ping time-out while it keeps sending.
  const holder = new RawClient(at.hub.urls.mqtt)
  await holder.connect('slow')
  const client = new RawClient(at.hub.urls.mqtt)
  client.send(packet.connect('slow'))
  for (let n = 0; n < 3000; n++) {
    const payload = String(n).padStart(5, '0').padEnd(700, '.')
    const bytes = packet.publish('observatory/slow/feeds/f', payload)
    const cut = (n * 37) % bytes.length
    client.socket.write(bytes.subarray(0, cut))
    client.socket.write(bytes.subarray(cut))
    if (n % 50 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  await all
  expect(seen).toEqual(Array.from({ length: 3000 }, (_, n) => n))
  client.socket.destroy()
  await reader.endAsync()
})

test('whoever sends no CONNECT is cut after five seconds', async () => {
  const started = performance.now()
  const client = new RawClient(at.hub.urls.mqtt)
  client.send(Buffer.from([0x10, 0x10]))
  await client.closed
  expect(await at.logged('no CONNECT within 5 s')).toContain('connection from 127.0.0.1')
  expect(performance.now() - started).toBeGreaterThan(4500)
})

test('takes a bounded number of connections, and a new one when one leaves', async () => {
  const crowd: RawClient[] = []
  await using own = (await testHub()).hub
  // In small groups: a client that waits long for its log-in is cut.
  while (crowd.length < limits.connections) {
    const some = Array.from({ length: 64 }, () => new RawClient(own.urls.mqtt))
    await Promise.all(some.map((client, n) => client.connect(`c${crowd.length + n}`)))
    crowd.push(...some)
  }
  expect(own.clients()).toHaveLength(limits.connections)
  const late = new RawClient(own.urls.mqtt)
  expect(await late.connect('late')).toBe(3)
  crowd[0]?.socket.destroy()
  // The hub notices this a moment later.
  const codes: (number | undefined)[] = []
  while (codes.at(-1) !== 0) codes.push(await new RawClient(own.urls.mqtt).connect('later'))
})

test('an agent that publishes more retained topics than it may is cut, and others go on', async () => {
  const agent = new RawClient(at.hub.urls.mqtt)
  await agent.connect('hoarder')
  for (let n = 0; n <= limits.instance_retained_messages; n++) {
    agent.send(packet.publish(`observatory/hoarder/last/f${n}`, '{}', { retain: true }))
  }
  await agent.closed
  expect(await at.logged('"hoarder"')).toContain('2000 retained messages')
  const other = await join('modest')
  await other.publishAsync('observatory/modest/last/f', '{}', { retain: true, qos: 1 })
  await other.endAsync()
})

test('a request goes to an agent and its reply comes back', async () => {
  const [agent, caller] = await Promise.all([join('rpc'), join('ctrl.1')])
  await Promise.all([
    agent.subscribeAsync('observatory/rpc/ops/+/+/+', { qos: 1 }),
    caller.subscribeAsync('observatory/+/replies/ctrl.1/+', { qos: 1 }),
  ])
  agent.on('message', () => void agent.publishAsync('observatory/rpc/replies/ctrl.1/r1', 'ok', { qos: 1 }))
  const reply = next(caller, 'observatory/rpc/replies/ctrl.1/r1')
  await caller.publishAsync('observatory/rpc/ops/acq/status/ctrl.1', '{}', { qos: 1 })
  expect((await reply).text).toBe('ok')
  await Promise.all([agent.endAsync(), caller.endAsync()])
})

test('nothing is held back to fill a packet (TCP_NODELAY)', async () => {
  const told = spyOn(Socket.prototype, 'setNoDelay')
  await (await join('prompt')).endAsync()
  expect(told.mock.calls).toEqual([[true]])
  told.mockRestore()
})

test('a stopping hub closes its clients and frees its ports', async () => {
  const { hub } = await testHub()
  const client = connect(hub.urls.mqtt, { clientId: 'left', reconnectPeriod: 0 })
  await new Promise((resolve) => client.once('connect', resolve))
  const idle = new RawClient(hub.urls.mqtt)
  const closed = gone(client)
  await hub.close()
  await Promise.all([closed, idle.closed])
  const port = Number(new URL(hub.urls.mqtt).port)
  await using again = (await testHub({ listen: [{ host: '127.0.0.1', port }] })).hub
  expect(again.urls.mqtt).toBe(hub.urls.mqtt)
})

test.each(['0.0.0.0', '::', '10.1.2.3', 'lab.example'])('listening on %s takes --insecure', async (host) => {
  const start = testHub({ listen: [{ host, port: 0 }] })
  expect(start).rejects.toThrow(ConfigError)
  expect(start).rejects.toThrow('ocs hub init')
  await start.catch(() => {})
})

test('--insecure is said at the start, each hour, and in what the hub tells of itself', async () => {
  jest.useFakeTimers()
  try {
    const { hub, lines } = await testHub({ insecure: true, websocket: [{ host: '0.0.0.0', port: 0 }] })
    expect(lines).toEqual([expect.stringContaining('insecure: anyone who can reach this hub')])
    jest.advanceTimersByTime(2 * 3_600_000)
    expect(lines.length).toBe(3)
    await hub.close()
    jest.advanceTimersByTime(2 * 3_600_000)
    expect(lines.length).toBe(3)
  } finally {
    jest.useRealTimers()
  }
  await using open = (await testHub({ insecure: true })).hub
  const client = await connectAsync(open.urls.mqtt, {
    clientId: 'looks',
    protocolVersion: 4,
    reconnectPeriod: 0,
  })
  const told = new Promise<string>((resolve) =>
    client.once('message', (_, payload) => resolve(String(payload))),
  )
  await client.subscribeAsync('observatory/hub')
  expect(HubInfo.parse(JSON.parse(await told)).insecure).toBe(true)
  await client.endAsync(true)
})

test('a port in use is named with who has it, and nothing is left half started', async () => {
  const port = Number(new URL(at.hub.urls.ws).port)
  const free = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
  const mqtt = { host: '127.0.0.1', port: free.port }
  free.stop(true)
  const start = startHub({
    identify: everybody,
    root: 'observatory',
    realm: 'r',
    version: '0',
    listen: [mqtt],
    websocket: [{ host: '127.0.0.1', port }],
    log() {},
  })
  const error = await start.catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(ConfigError)
  const text = (error as Error).message
  expect(text).toStartWith(`port ${port} on 127.0.0.1 is in use`)
  expect(text).toEndWith(': stop it, or choose another port with --listen (--listen-ws for WebSocket)')
  if (process.platform === 'linux') expect(text).toContain(`(pid ${process.pid})`)
  await using again = (await testHub({ listen: [mqtt] })).hub
  expect(again.urls.mqtt).toEndWith(`:${mqtt.port}`)
})

test('a crossbar router in the way is named as one', async () => {
  using _ = ownClock()
  const router = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: () => new Response('', { headers: { Server: 'Crossbar/26.10.1' } }),
  })
  const start = testHub({ websocket: [{ host: '127.0.0.1', port: router.port ?? 0 }] })
  expect(start).rejects.toThrow('a crossbar router ("Crossbar/26.10.1") answers there')
  await start.catch(() => {})
  await router.stop(true)
})
