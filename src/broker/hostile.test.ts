import { expect, test } from 'bun:test'
import { connectAsync } from 'mqtt'
import { seeded } from '../../test/random.ts'
import { mutatedPackets } from './fuzz.test-aid.ts'
import { testHub } from './hub.test-aid.ts'
import { RawClient } from './raw-client.test-aid.ts'

test.each(['mqtt', 'ws'] as const)(
  'a reader that was stopped (SIGSTOP) delays nobody and is cut: %s',
  async (kind) => {
    const { hub, lines, logged } = await testHub()
    const script = `
    const { connectAsync } = await import(${JSON.stringify(import.meta.resolve('mqtt'))})
    const client = await connectAsync(process.argv[1], { clientId: 'frozen', reconnectPeriod: 0 })
    await client.subscribeAsync('observatory/source/#')
    process.stdout.write('in')`
    const child = Bun.spawn([process.execPath, '-e', script, hub.urls[kind]], {
      stdout: 'pipe',
      stderr: 'inherit',
    })
    await child.stdout.getReader().read()
    try {
      child.kill('SIGSTOP')
      const source = await connectAsync(hub.urls.mqtt, { clientId: 'source', reconnectPeriod: 0 })
      const reader = await connectAsync(hub.urls.mqtt, { clientId: 'reader', reconnectPeriod: 0 })
      await reader.subscribeAsync('observatory/source/#')
      // Each message is sent once its reader has the previous one and has acknowledged it. If either had to
      // wait for the stopped client, that client would be cut for slowness before its backlog reaches the
      // limit.
      const payload = Buffer.alloc(10_000, 'x')
      const pass = async () => {
        const back = new Promise((resolve) => reader.once('message', resolve))
        await source.publishAsync('observatory/source/feeds/f', payload, { qos: 1 })
        await back
      }
      while (!lines.some((line) => line.includes('"frozen"'))) await pass()
      expect(await logged('"frozen"')).toMatch(/it has not read (8\.[4-9]|9\.\d) MB sent to it/)
      await pass()
      expect(
        hub
          .clients()
          .map(({ id }) => id)
          .sort(),
      ).toEqual(['reader', 'source'])
      await Promise.all([source.endAsync(), reader.endAsync()])
    } finally {
      child.kill('SIGKILL')
      await Promise.all([child.exited, hub.close()])
    }
  },
)

test('peers that announce 256 MB before any log-in take no memory', async () => {
  const script = `
    const { testHub } = await import(${JSON.stringify(import.meta.resolve('./hub.test-aid.ts'))})
    const { hub } = await testHub()
    console.log(hub.urls.mqtt)
    for await (const _ of console) console.log(process.memoryUsage.rss())`
  const child = Bun.spawn([process.execPath, '-e', script], {
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'inherit',
  })
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader()
  const line = async () => String((await lines.read()).value).trim()
  const url = await line()
  const rss = async () => {
    child.stdin.write('\n')
    await child.stdin.flush()
    return Number(await line())
  }
  try {
    const before = await rss()
    const flood = Buffer.alloc(1 << 20)
    await Promise.all(
      Array.from({ length: 2 }, async () => {
        const client = new RawClient(url)
        client.send(Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]))
        for (let sent = 0; sent < 256 && !client.socket.destroyed; sent++) {
          if (!client.socket.write(flood)) {
            await Promise.race([
              new Promise((resolve) => client.socket.once('drain', resolve)),
              client.closed,
            ])
          }
        }
        await client.closed
      }),
    )
    expect((await rss()) - before).toBeLessThan(20_000_000)
  } finally {
    child.kill('SIGKILL')
    await child.exited
  }
})

test('6,000 mutated packets end connections, never the hub', async () => {
  const { hub } = await testHub()
  const seed = 20_261_123
  const random = seeded(seed)
  const probe = await connectAsync(hub.urls.mqtt, { clientId: 'probe', reconnectPeriod: 0 })
  await probe.subscribeAsync('observatory/probe/events')
  for (let round = 0; round < 200; round++) {
    const clients = Array.from({ length: 5 }, () => {
      const client = new RawClient(hub.urls.mqtt)
      client.send(...mutatedPackets(random, 6))
      client.socket.end()
      return client.closed
    })
    await Promise.all(clients)
    const back = new Promise<string>((resolve) =>
      probe.once('message', (_, payload) => resolve(String(payload))),
    )
    probe.publish('observatory/probe/events', `${round}`)
    expect(await back, `seed ${seed}, round ${round}`).toBe(`${round}`)
  }
  await probe.endAsync()
  const next = new RawClient(hub.urls.mqtt)
  expect(await next.connect('after')).toBe(0)
  next.socket.destroy()
  await hub.close()
})
