import { expect, test } from 'bun:test'
import { Duplex, PassThrough } from 'node:stream'
import { packetGuard, shield } from './connection-guard.ts'
import { limits } from './limits.ts'
import { ReadBudget } from './read-budget.ts'

const header = (first: number, length: number) => {
  const bytes = [first]
  for (let left = length; ; left = Math.floor(left / 128)) {
    bytes.push((left % 128) | (left >= 128 ? 128 : 0))
    if (left < 128) return Buffer.from(bytes)
  }
}

test('a read hands out all that is buffered, in order', () => {
  const conn = shield(new PassThrough(), { admitted: () => true })
  for (const part of ['\x10\x04ab', 'cd', '\xc0', '\x00']) conn.write(Buffer.from(part, 'latin1'))
  expect(conn.read()).toEqual(Buffer.from('\x10\x04abcd\xc0\x00', 'latin1'))
  expect(conn.read()).toBeNull()
})

test('until a client is admitted the broker gets its first packet alone', () => {
  let admitted = false
  const conn = shield(new PassThrough(), { admitted: () => admitted })
  conn.write(Buffer.from('\x10\x04ab', 'latin1'))
  expect(conn.read()).toHaveLength(4)
  conn.write(Buffer.from('cd\xc0', 'latin1'))
  conn.write(Buffer.from('\x00\xc0\x00', 'latin1'))
  expect(conn.read()).toEqual(Buffer.from('cd'))
  expect(conn.read()).toBeNull()
  admitted = true
  expect(conn.read()).toEqual(Buffer.from('\xc0\x00\xc0\x00', 'latin1'))
})

test('a write never reports back-pressure; who owes too much is cut', async () => {
  let cut: Error | undefined
  // A stream that takes its first chunk and never finishes it: a stopped reader.
  const conn = shield(new Duplex({ read() {}, write() {} }), { admitted: () => true })
  const closed = new Promise((resolve) => conn.once('close', resolve))
  conn.on('error', (error) => {
    cut = error
  })
  const mebibyte = Buffer.alloc(1024 * 1024)
  for (let sent = 0; sent < 8; sent++) expect(conn.write(mebibyte)).toBeTrue()
  expect(conn.destroyed).toBeFalse()
  expect(conn.write(mebibyte)).toBeTrue()
  expect(conn.destroyed).toBeTrue()
  await closed
  expect(cut?.message).toBe('it has not read 9.4 MB sent to it')
})

test('the first packet may have 4 KiB, later ones 4 MiB', () => {
  const guard = packetGuard()
  expect(packetGuard()(header(0x10, limits.connect_bytes + 1)).refused).toContain('the limit here is 4096')
  const connect = Buffer.concat([header(0x10, limits.connect_bytes), Buffer.alloc(limits.connect_bytes)])
  expect(guard(connect)).toEqual({ used: connect.length, packets: 1, answers: 0 })
  expect(guard(header(0x30, limits.packet_bytes)).packets).toBe(0)
  for (let left = limits.packet_bytes; left > 0; left -= 65536)
    expect(guard(Buffer.alloc(65536)).refused).toBeUndefined()
  expect(guard(header(0x30, limits.packet_bytes + 1)).refused).toContain('the limit here is 4194304')
})

test('a length is refused as soon as it is too long, wherever the pieces end', () => {
  const guard = packetGuard()
  const connect = Buffer.concat([header(0x10, 300), Buffer.alloc(300)])
  for (const byte of connect) expect(guard(Buffer.from([byte])).refused).toBeUndefined()
  for (const byte of [0x30, 0xff, 0xff, 0xff]) expect(guard(Buffer.from([byte])).refused).toBeUndefined()
  expect(guard(Buffer.from([0xff])).refused).toContain('the limit here')
  const padded = packetGuard()
  expect(padded(Buffer.from([0x10, 0x80, 0x80, 0x80, 0x80])).refused).toContain('more than four bytes')
})

test('a packet too large ends the connection before the broker sees a byte of it', async () => {
  const conn = shield(new PassThrough(), { admitted: () => true })
  const error = new Promise<Error>((resolve) => conn.once('error', resolve))
  conn.write(header(0x10, 256_000_000))
  expect(conn.read()).toBeNull()
  expect((await error).message).toContain('the limit here is 4096')
})

test('it stops at the end of the packet that it is asked to, and goes on behind it', () => {
  const guard = packetGuard()
  const three = Buffer.from('\x10\x02ab\xc0\x00\x30\x01c', 'latin1')
  expect(guard(three, 2)).toEqual({ used: 6, packets: 2, answers: 0 })
  expect(guard(three.subarray(6, 7), 2)).toEqual({ used: 1, packets: 0, answers: 0 })
  expect(guard(three.subarray(7), 2)).toEqual({ used: 2, packets: 1, answers: 0 })
})

test('answers to deliveries are told apart from messages, wherever the pieces end', () => {
  const guard = packetGuard()
  const bytes = Buffer.from(
    '\x40\x02\0\x01\x50\x02\0\x02\x62\x02\0\x03\x70\x02\0\x04\x32\x02ab\xc0\0',
    'latin1',
  )
  let answers = 0
  for (const byte of bytes) answers += guard(Buffer.from([byte])).answers
  expect(answers).toBe(4)
  expect(packetGuard()(bytes)).toEqual({ used: bytes.length, packets: 6, answers: 4 })
})

test('20,000 answers to deliveries count for less than what one may send in a second', () => {
  let spent = 0
  class Counting extends ReadBudget {
    override spend(messages: number): void {
      spent += messages
    }
    override wait(next: () => void): void {
      next()
    }
  }
  const budget = new Counting(() => {})
  const conn = shield(new PassThrough({ highWaterMark: 1e6 }), { admitted: () => true, budget: () => budget })
  conn.write(Buffer.concat(Array<Buffer>(20_000).fill(Buffer.from([0x40, 2, 0, 1]))))
  let read = 0
  while (read < 80_000) read += conn.read()?.length ?? Number.NaN
  expect(read).toBe(80_000)
  expect(spent).toBeWithin(1, limits.messages_per_second)
})
