import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { testHub } from '../src/broker/hub.test-aid.ts'
import { connectMqtt, reached } from '../src/bus/mqtt.ts'
import { channels } from '../src/core/channels.ts'
import { topic } from '../src/core/topic.ts'
import { conditions } from './conditions.ts'
import { ownClock } from './own-clock.ts'

const root = 'observatory'
let clock: Disposable
beforeAll(() => {
  clock = ownClock()
})
afterAll(() => clock[Symbol.dispose]())

const event = (text: string) => ({ time: 1, level: 'info' as const, kind: 'test', text })

test('a client goes on at another address, over another protocol, and hears there what it listens to', async () => {
  const [first, second] = [await testHub(), await testHub()]
  const urls = [first.hub.urls.mqtt ?? '', second.hub.urls.ws ?? '']
  const shown: string[] = []
  await using bus = connectMqtt({
    url: urls.join(','),
    client: 'ls240',
    credentials: ({ url }) => {
      shown.push(url)
      return undefined
    },
  })
  await reached(bus, urls.join(','), 30)
  expect(bus.server).toBe(urls[0])
  const heard = Promise.withResolvers<string>()
  await bus.subscribe(channels.event, { root }, ({ text }) => heard.resolve(text))
  const lost = new Promise<void>((resolve) => bus.onConnected((is) => !is && resolve()))
  await first.hub.close()
  await lost
  await reached(bus, urls.join(','), 30)
  expect(bus.server).toBe(urls[1])
  expect([...new Set(shown)]).toEqual(urls)
  await using other = connectMqtt({ url: urls[1] ?? '', client: 'other' })
  await reached(other, urls[1] ?? '', 30)
  await other.publish(channels.event, { root, instance: 'other' }, event('hello'))
  expect(await heard.promise).toBe('hello')
  await second.hub.close()
})

test('in a cluster a state is published once more, and not after a newer one', async () => {
  const { hub } = await testHub()
  const url = hub.urls.mqtt ?? ''
  await using agent = connectMqtt({ url: `${url},mqtt://127.0.0.1:1`, client: 'ls240' })
  await using reader = connectMqtt({ url, client: 'reader' })
  await Promise.all([reached(agent, url, 30), reached(reader, url, 30)])
  const at = { root, instance: 'ls240', op: 'acq' }
  const heard: number[] = []
  const { look, until } = conditions()
  await reader.subscribe(channels.session, at, ({ session_id }) => {
    heard.push(session_id)
    look()
  })
  for (const session_id of [1, 2]) {
    await agent.publish(channels.session, at, {
      ...{ session_id, op_name: 'acq', started_by: 'me', status: 'running', op_code: 3, success: null },
      ...{ degraded: false, start_time: 1, end_time: null, data: {}, messages: [] },
    })
  }
  await until(() => heard.length === 3)
  expect(heard).toEqual([1, 2, 2])
  await hub.close()
})

test('when none is reached each address is named with its reason', async () => {
  const urls = 'mqtt://127.0.0.1:1,mqtt://127.0.0.1:2'
  await using bus = connectMqtt({ url: urls, client: 'nobody' })
  const seen = new Promise<void>((resolve) => bus.onProblem?.(({ text }) => text.includes(';') && resolve()))
  await seen
  expect(bus.problem?.text).toBe(
    'mqtt://127.0.0.1:1: connection refused; mqtt://127.0.0.1:2: connection refused',
  )
  await expect(reached(bus, urls, 0.01)).rejects.toThrow(
    'none of the 2 addresses of the hub answered within 0.02 s: mqtt://127.0.0.1:1: connection refused; mqtt://127.0.0.1:2: connection refused',
  )
})

/**
 * The part of MQTT needed to refuse subscriptions without a reason, as other brokers do: packets of at most
 * 127 bytes.
 */
class Moody implements AsyncDisposable {
  /** Number of subscriptions that will be refused. */
  refuse = 0
  asked = 0
  readonly #sockets = new Set<Socket>()
  readonly #server = createServer((socket) => {
    this.#sockets.add(socket)
    socket.on('error', () => {})
    socket.on('data', (data: Buffer) => {
      for (let at = 0; at < data.length; at += 2 + (data[at + 1] ?? 0))
        this.#take(socket, data.subarray(at, at + 2 + (data[at + 1] ?? 0)))
    })
  })

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `mqtt://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#sockets.clear()
  }

  #take(socket: Socket, packet: Buffer): void {
    const kind = (packet[0] ?? 0) >> 4
    if (kind === 1) socket.write(Buffer.from([0x20, 2, 0, 0]))
    if (kind === 12) socket.write(Buffer.from([0xd0, 0]))
    if (kind !== 8) return
    this.asked++
    const isRefused = this.refuse-- > 0
    socket.write(Buffer.from([0x90, 3, packet[2] ?? 0, packet[3] ?? 0, isRefused ? 0x80 : 0]))
    if (isRefused) return
    const name = Buffer.from(topic(channels.event, { root, instance: 'moody' }))
    const body = Buffer.concat([
      Buffer.from([0, name.length]),
      name,
      Buffer.from(JSON.stringify(event('granted'))),
    ])
    socket.write(Buffer.concat([Buffer.from([0x30, body.length]), body]))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

test('a subscription that is refused is asked for again, for as long as somebody waits, or as it is wanted', async () => {
  await using broker = new Moody()
  const url = await broker.listen()
  const bad: string[] = []
  await using bus = connectMqtt({ url, client: 'reader', onBad: (_, why) => bad.push(why) })
  await reached(bus, url, 30)
  broker.refuse = 2
  const { look, until } = conditions()
  let heard = 0
  await bus.subscribe(channels.event, { root }, () => {
    heard++
    look()
  })
  expect(broker.asked).toBe(3)
  await until(() => heard === 1)
  // After a lost connection nobody waits for the subscription, and it comes back all the same.
  broker.refuse = 3
  broker.cut()
  await until(() => heard === 2)
  expect(broker.asked).toBe(7)
  expect(bad).toEqual([expect.stringContaining('trying again')])
  broker.refuse = Infinity
  await expect(bus.subscribe(channels.presence, { root }, () => {})).rejects.toThrow(
    'the hub refused the subscription to observatory/+/presence',
  )
  expect(broker.asked).toBe(13)
})

test('our hub says why it does not grant a subscription, and is not asked again', async () => {
  const { hub } = await testHub()
  const url = hub.urls.mqtt ?? ''
  await using bus = connectMqtt({ url, client: 'reader' })
  await reached(bus, url, 30)
  const elsewhere = bus.subscribe(channels.event, { root: 'elsewhere' }, () => {})
  await expect(elsewhere).rejects.toThrow('topics here begin with observatory/')
  await hub.close()
})
