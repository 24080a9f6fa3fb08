import { expect, test } from 'bun:test'
import { Writable } from 'node:stream'
import { writeJointly } from './joint-writes.ts'

/** A connection that keeps what each system call would have sent. */
function connection() {
  const calls: string[] = []
  const conn = new Writable({
    writev(chunks, done) {
      calls.push(chunks.map(({ chunk }) => chunk.toString()).join('|'))
      done()
    },
  })
  return { calls, conn: writeJointly(conn as never) as unknown as Writable }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

test('what is written in one turn goes out at once, in order, and the next turn’s by itself', async () => {
  const { calls, conn } = connection()
  conn.write('a')
  await Promise.resolve()
  conn.write('b')
  expect(calls).toEqual([])
  await turn()
  expect(calls).toEqual(['a|b'])
  conn.write('c')
  await turn()
  expect(calls).toEqual(['a|b', 'c'])
})

test('a connection that ends sends first what waits', async () => {
  const { calls, conn } = connection()
  conn.write('a')
  const over = new Promise((resolve) => conn.once('finish', resolve))
  conn.end('b')
  await over
  expect(calls).toEqual(['a|b'])
})

test('one that is destroyed sends first what waits, and nothing later', async () => {
  const { calls, conn } = connection()
  conn.write('a')
  conn.cork()
  conn.write('b')
  conn.destroy()
  expect(calls).toEqual(['a|b'])
  await turn()
  expect(calls).toEqual(['a|b'])
})
