import { expect, test } from 'bun:test'
import { createServer } from 'node:net'
import { listeners, openOf } from './listeners.ts'

test('a socket that listens is known by its address, and by the descriptors of its process', async () => {
  const server = createServer()
  await new Promise<void>((done) => server.listen({ host: '127.0.0.1', port: 0 }, done))
  const { port } = server.address() as { port: number }
  const found = listeners('self').filter((one) => one.port === port)
  expect(found).toEqual([
    {
      link: expect.stringMatching(/^socket:\[\d+\]$/),
      host: '127.0.0.1',
      port,
      uid: process.getuid?.() ?? -1,
    },
  ])
  expect(openOf(process.pid)).toContain(found[0]?.link ?? '')
  await new Promise((done) => server.close(done))
  expect(listeners(process.pid).filter((one) => one.port === port)).toEqual([])
})

test('of a process that is not there nothing is known', () => {
  expect([listeners(999_999_999), openOf(999_999_999)]).toEqual([[], []])
})
