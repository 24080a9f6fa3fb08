import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type Hub, startHub } from '../src/broker/hub.ts'
import { MemoryHub } from '../src/bus/memory.ts'
import { connectMqtt, reached } from '../src/bus/mqtt.ts'
import { everybody } from '../src/principals/identify.ts'
import { busConformance } from './bus-conformance.ts'
import { ownClock } from './own-clock.ts'

const root = 'observatory'
const memory = new MemoryHub()
busConformance('in memory', async (client, options) => memory.connect(client, options))

let clock: Disposable
let hub: Hub
beforeAll(async () => {
  clock = ownClock()
  const listen = { host: '127.0.0.1', port: 0 }
  hub = await startHub({
    identify: everybody,
    root,
    realm: 'test_realm',
    version: '0',
    listen: [listen],
    websocket: [listen],
    log: () => {},
  })
})
afterAll(async () => {
  await hub.close()
  clock[Symbol.dispose]()
})
for (const kind of ['mqtt', 'ws'] as const) {
  busConformance(`over ${kind}`, async (client, options) => {
    const url = hub.urls[kind]
    const bus = connectMqtt({ url, client, ...options })
    await reached(bus, url, 5)
    return bus
  })
}

test('a hub that does not answer is named with what to do', async () => {
  await using bus = connectMqtt({ url: 'mqtt://127.0.0.1:1', client: 'nobody' })
  const why = reached(bus, 'mqtt://127.0.0.1:1', 0.5)
  await expect(why).rejects.toThrow('no hub at mqtt://127.0.0.1:1 within 0.5 s')
})
