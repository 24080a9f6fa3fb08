import { afterAll, beforeAll } from 'bun:test'
import { testHub } from '../src/broker/hub.test-aid.ts'
import { MemoryHub } from '../src/bus/memory.ts'
import { connectMqtt, reached } from '../src/bus/mqtt.ts'
import { operationsSuite } from './operations-suite.ts'
import { ownClock } from './own-clock.ts'

const memory = new MemoryHub()
operationsSuite('in memory', async (client) => memory.connect(client), false)

let clock: Disposable
let hub: Awaited<ReturnType<typeof testHub>>
beforeAll(async () => {
  clock = ownClock()
  hub = await testHub()
})
afterAll(async () => {
  await hub.hub.close()
  clock[Symbol.dispose]()
})
operationsSuite(
  'over MQTT',
  async (client) => {
    const url = hub.hub.urls.mqtt
    const bus = connectMqtt({ url, client })
    await reached(bus, url, 5)
    return bus
  },
  true,
)
