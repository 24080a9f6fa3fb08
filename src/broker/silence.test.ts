import { afterEach, expect, jest, test } from 'bun:test'
import { EventEmitter } from 'node:events'
import type { Client } from 'aedes'
import { testHub } from './hub.test-aid.ts'
import { packet, RawClient } from './raw-client.test-aid.ts'
import { Silence } from './silence.ts'

afterEach(() => void jest.useRealTimers())

/** A client that Aedes has admitted, and how often it was cut. */
function letIn(keepaliveMs: number) {
  const conn = Object.assign(new EventEmitter(), { readableLength: 0 })
  const parser = new EventEmitter()
  const client = Object.assign(new EventEmitter(), { _keepaliveInterval: keepaliveMs, _parser: parser, conn })
  const said = { cuts: 0 }
  client.on('error', () => said.cuts++)
  return { client: client as unknown as Client, conn, said, speak: () => parser.emit('packet', {}) }
}

test('a client that is silent for longer than it may is cut; one that speaks, or waits to be read, is not', () => {
  jest.useFakeTimers()
  using silence = new Silence()
  const all = [letIn(7501), letIn(7501), letIn(7501), letIn(-1)] as const
  const [silent, speaks, waits, never] = all
  for (const { client } of all) silence.watch(client)
  waits.conn.readableLength = 10
  for (let n = 0; n < 8; n++) {
    jest.advanceTimersByTime(1000)
    speaks.speak()
  }
  expect(all.map(({ said }) => said.cuts)).toEqual([0, 0, 0, 0])
  jest.advanceTimersByTime(1000)
  expect(all.map(({ said }) => said.cuts)).toEqual([1, 0, 0, 0])
  for (const { conn } of [silent, speaks, never]) conn.emit('close')
  waits.conn.readableLength = 0
  jest.advanceTimersByTime(9000)
  expect(waits.said.cuts).toBe(1)
  expect(silent.said.cuts).toBe(1)
})

test('a hub that has stood still reads what its clients sent meanwhile, and cuts none of them', async () => {
  const at = await testHub()
  const client = new RawClient(at.hub.urls.mqtt)
  expect(await client.connect('patient', { keepalive: 1 })).toBe(0)
  client.send(packet.ping)
  // Longer than it may be silent, by the clock.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 4000)
  expect([...(await client.take(2))]).toEqual([0xd0, 0])
  client.send(packet.ping)
  expect([...(await client.take(2))]).toEqual([0xd0, 0])
  client.socket.destroy()
  await at.hub.close()
})
