import { expect, test } from 'bun:test'
import { testHub } from './hub.test-aid.ts'
import { limits } from './limits.ts'
import { packet, RawClient } from './raw-client.test-aid.ts'
import { Retained } from './retained.ts'

const held = async (retained: Retained, filter: string) => {
  const topics: string[] = []
  for await (const { topic } of retained.createRetainedStreamCombi([filter])) topics.push(topic)
  return topics
}

test('keeps the last message of a topic, forgets it at an empty one', async () => {
  const retained = new Retained('o')
  await retained.storeRetained({ topic: 'o/a/presence', payload: 'one' })
  await retained.storeRetained({ topic: 'o/a/presence', payload: 'two' })
  await retained.storeRetained({ topic: 'o/b/presence', payload: 'three' })
  expect(await held(retained, 'o/+/presence')).toEqual(['o/a/presence', 'o/b/presence'])
  await retained.storeRetained({ topic: 'o/a/presence', payload: '' })
  expect(await held(retained, '#')).toEqual(['o/b/presence'])
})

test('keeps a message, not the buffer it came in', async () => {
  const retained = new Retained('o')
  const read = Buffer.alloc(1_000_000, 'x')
  await retained.storeRetained({ topic: 'o/a/presence', payload: read.subarray(500, 510) })
  for await (const { payload } of retained.createRetainedStreamCombi(['#'])) {
    expect(String(payload)).toBe('x'.repeat(10))
    expect(payload.buffer.byteLength).toBeLessThan(100_000)
  }
})

test('bounds the messages of one instance-id, and lets others in', async () => {
  const retained = new Retained('o')
  for (let n = 0; n < limits.instance_retained_messages; n++) {
    await retained.storeRetained({ topic: `o/a/last/f${n}`, payload: 'x' })
  }
  const more = { topic: 'o/a/last/more', payload: 'x' }
  expect(retained.refuse(more)).toContain('the limit for one instance-id')
  expect(retained.refuse({ topic: 'o/a/last/f0', payload: 'newer' })).toBeUndefined()
  expect(retained.refuse({ topic: 'o/b/last/f', payload: 'x' })).toBeUndefined()
  // Anybody can make up ids under which its spool is drained, so they count as the agent.
  expect(retained.refuse({ topic: 'o/a-drain-0a1b2c3d/last/f', payload: 'x' })).toContain(
    'the limit for one instance-id',
  )
  // A device does not count as the agent whose name is in its topic.
  expect(retained.refuse({ topic: 'zigbee2mqtt/a/f', payload: 'x' })).toBeUndefined()
  await retained.storeRetained({ topic: 'o/a/last/f0', payload: '' })
  expect(retained.refuse(more)).toBeUndefined()
})

test('bounds the bytes of one instance-id and of all', async () => {
  const retained = new Retained('o')
  const payload = 'x'.repeat(4_000_000)
  for (let n = 0; n < 64; n++) await retained.storeRetained({ topic: `o/i${n >> 3}/last/f${n}`, payload })
  expect(retained.refuse({ topic: 'o/i0/last/more', payload })).toContain('its retained messages would take')
  await retained.storeRetained({ topic: 'o/i8/last/f', payload })
  await retained.storeRetained({ topic: 'o/i8/last/g', payload })
  await retained.storeRetained({ topic: 'o/i8/last/h', payload })
  expect(retained.refuse({ topic: 'o/i9/last/f', payload })).toContain('the hub is full')
  await retained.storeRetained({ topic: 'o/i9/last/f', payload })
  expect(await held(retained, 'o/i9/#')).toEqual([])
})

test('a subscription is granted once all that is retained for the ones before has been sent', async () => {
  const { hub } = await testHub()
  const client = new RawClient(hub.urls.mqtt)
  expect(await client.connect('ls240')).toBe(0)
  const payload = 'x'.repeat(50_000)
  const feeds = Array.from({ length: 20 }, (_, n) => `observatory/ls240/last/f${n}`)
  client.send(...feeds.map((topic, n) => packet.publish(topic, payload, { retain: true, qos: 1, id: n + 1 })))
  await client.take(4 * feeds.length)
  client.send(packet.subscribe('observatory/+/last/+', 1, 1))
  // Types of the received packets: SUBACK, each PUBLISH, and the second SUBACK.
  const types: number[] = []
  while (types.filter((type) => type === 9).length < 2) {
    const [head = 0] = await client.take(1)
    let length = 0
    for (let shift = 0, more = 128; more >= 128; shift += 7) {
      more = (await client.take(1))[0] ?? 0
      length += (more % 128) << shift
    }
    await client.take(length)
    types.push(head >> 4)
    if (types.length === 1) client.send(packet.subscribe('observatory/hub', 0, 2))
  }
  expect(types).toEqual([9, ...feeds.map(() => 3), 9])
  client.socket.destroy()
  await hub.close()
})
