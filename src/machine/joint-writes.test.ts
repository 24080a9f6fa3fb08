import { expect, test } from 'bun:test'
import { Writable } from 'node:stream'
import { writeJointly } from './joint-writes.ts'

/** A connection that records the data of each system call. */
function connection() {
  const calls: string[] = []
  const conn = new Writable({
    write(chunk, _, done) {
      calls.push(chunk.toString())
      done()
    },
  })
  return { calls, conn: writeJointly(conn as never) as unknown as Writable }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

test('what is written in one turn goes out at once, in order, and the next turn’s by itself', async () => {
  const { calls, conn } = connection()
  const [a, b, c] = ['a', 'b', 'c'].map((letter) => letter.repeat(40)) as [string, string, string]
  conn.write(a)
  await Promise.resolve()
  conn.write(b)
  expect(calls).toEqual([])
  await turn()
  expect(calls).toEqual([a + b])
  conn.write(c)
  await turn()
  expect(calls).toEqual([a + b, c])
})

test('what is as small as an acknowledgement waits for a message that follows it elsewhere, and for no more', async () => {
  const sent: string[] = []
  const open = (name: string) => {
    const to = (chunk: Buffer, _: unknown, done: () => void) => {
      sent.push(`${name} ${chunk.length}`)
      done()
    }
    return writeJointly(new Writable({ write: to }) as never) as unknown as Writable
  }
  const [publisher, reader] = [open('publisher'), open('reader')]
  publisher.write(Buffer.alloc(4))
  // Like Aedes, which goes on after its acknowledgement.
  setImmediate(() => reader.write(Buffer.alloc(100)))
  while (sent.length < 2) await turn()
  expect(sent).toEqual(['reader 100', 'publisher 4'])
})

test('a connection that ends sends first what waits', async () => {
  const { calls, conn } = connection()
  conn.write('a')
  const over = new Promise((resolve) => conn.once('finish', resolve))
  conn.end('b')
  await over
  expect(calls).toEqual(['a', 'b'])
})

test('what is much goes to the connection before the turn ends, which counts what is owed', () => {
  const { calls, conn } = connection()
  for (let i = 0; i < 3; i++) conn.write(Buffer.alloc(40_000))
  expect(calls.map((text) => text.length)).toEqual([80_000])
})

test('one that is destroyed sends first what waits, and nothing later', async () => {
  const { calls, conn } = connection()
  conn.write('a')
  conn.write('b')
  conn.destroy()
  expect(calls).toEqual(['ab'])
  await turn()
  expect(calls).toEqual(['ab'])
})
