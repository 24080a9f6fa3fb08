import { expect, test } from 'bun:test'
import { Duplex, PassThrough } from 'node:stream'
import { Aedes } from 'aedes'
import { Connections } from './connections.ts'
import { limits } from './limits.ts'
import { packet } from './raw-client.test-aid.ts'

test('who has been let in is not cut as one that waits, even before CONNACK has gone out', async () => {
  const broker = await Aedes.createBroker()
  const connections = new Connections(
    broker,
    new WeakMap(),
    () => ({ principal: 'user', isFree: false, isStranger: false }),
    () => {},
  )
  const enter = (conn: Duplex, n: number) => connections.waiting.enter(conn, `10.0.0.7:${1024 + n}`)
  const written = Promise.withResolvers<void>()
  // Its other end reads nothing, so that CONNACK is never delivered.
  const slow = new Duplex({ read() {}, highWaterMark: 1, write: () => written.resolve() })
  enter(slow, 0)
  connections.take(slow, '10.0.0.7:1024')
  slow.push(packet.connect('slow'))
  await written.promise
  for (let n = 1; n <= limits.address_waiting; n++) enter(new PassThrough(), n)
  expect(slow.destroyed).toBeFalse()
  await connections.end()
})
