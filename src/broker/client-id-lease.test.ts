import { afterAll, beforeAll, expect, test } from 'bun:test'
import { connectAsync, type IClientOptions } from 'mqtt'
import { UNHURRIED_MS } from '../../test/turns-clock.ts'
import { presence, testHub } from './hub.test-aid.ts'
import { packet, RawClient } from './raw-client.test-aid.ts'

let at: Awaited<ReturnType<typeof testHub>>
beforeAll(async () => {
  // No live holder may be disconnected here for being slow.
  at = await testHub({ pingTimeout: UNHURRIED_MS / 1000 })
})
afterAll(() => at.hub.close())

const options = (id: string, session?: string, nonce?: string): IClientOptions => ({
  clientId: id,
  ...(nonce !== undefined && { username: id, password: nonce }),
  protocolVersion: 4,
  reconnectPeriod: 0,
  keepalive: 30,
  ...(session !== undefined && {
    will: {
      topic: `observatory/${id}/presence`,
      payload: Buffer.from(JSON.stringify(presence(session))),
      qos: 1,
      retain: true,
    },
  }),
})
const join = (id: string, session?: string, nonce?: string) =>
  connectAsync(at.hub.urls.mqtt, options(id, session, nonce))

test('a second agent of a live id is refused, and the log names the first', async () => {
  const holder = await join('ls240', 'first')
  await expect(join('ls240', 'second')).rejects.toMatchObject({ code: 2 })
  expect(await at.logged('"ls240"', 'refused')).toContain('held by TestAgent, pid 4242 on grumpy')
  expect(holder.connected).toBeTrue()
  await holder.publishAsync('observatory/ls240/events', '{}', { qos: 1 })
  expect(at.hub.clients()).toMatchObject([{ id: 'ls240', session: 'first', host: 'grumpy', pid: 4242 }])
  await holder.endAsync()
})

test('so is a second client that is no agent, and one that claims an agent its id', async () => {
  const holder = await join('ctrl1')
  await expect(join('ctrl1')).rejects.toMatchObject({ code: 2 })
  await expect(join('ctrl1', 'thief')).rejects.toMatchObject({ code: 2 })
  expect(holder.connected).toBeTrue()
  await holder.endAsync()
})

test('the same process takes over at once, and it is logged; its last will comes before it is in', async () => {
  const watcher = await join('watcher')
  await watcher.subscribeAsync('observatory/back/presence')
  const states: string[] = []
  const online = new Promise<void>((resolve) => {
    watcher.on('message', (_, payload) => {
      const { state } = JSON.parse(String(payload)) as { state: string }
      states.push(state)
      if (state === 'online') resolve()
    })
  })
  const old = await join('back', 's1', 'nonce')
  const closed = new Promise<void>((resolve) => old.once('close', () => resolve()))
  let asked = 0
  old.on('message', () => asked++)
  const again = await join('back', 's1', 'nonce')
  await again.publishAsync('observatory/back/presence', JSON.stringify(presence('s1', 'online')), {
    retain: true,
  })
  await Promise.all([closed, online])
  expect(states).toEqual(['lost', 'online'])
  expect(asked).toBe(0)
  expect(await at.logged('"back" taken over')).toContain('it was TestAgent, pid 4242 on grumpy')
  await Promise.all([again.endAsync(), watcher.endAsync()])
})

test('the last will of the one before never overwrites what the newcomer says first', async () => {
  const topic = 'observatory/eager/presence'
  const watcher = await join('watcher')
  await watcher.subscribeAsync(topic)
  const states: string[] = []
  const both = new Promise<void>((resolve) => {
    watcher.on('message', (_, payload) => {
      states.push((JSON.parse(String(payload)) as { state: string }).state)
      if (states.length === 2) resolve()
    })
  })
  const old = await join('eager', 's1', 'nonce')
  await old.subscribeAsync(Array.from({ length: 200 }, (_, n) => `observatory/x/feeds/f${n}`))
  const newcomer = new RawClient(at.hub.urls.mqtt)
  const will = { topic, payload: JSON.stringify(presence('s1')), retain: true }
  const online = JSON.stringify(presence('s1', 'online'))
  newcomer.send(
    packet.connect('eager', { will, nonce: 'nonce' }),
    packet.publish(topic, online, { retain: true }),
  )
  await both
  expect(states).toEqual(['lost', 'online'])
  newcomer.socket.destroy()
  await watcher.endAsync()
})

test.each([
  ['without a nonce', undefined, undefined],
  ['with another nonce', 'genuine', 'guessed'],
  ['with a nonce where the holder has none', undefined, 'any'],
  ['without the nonce that the holder has', 'genuine', undefined],
])('whoever copies the session that presence shows takes nothing over: %s', async (_, nonce, forged) => {
  const holder = await join('copied', 's1', nonce)
  await expect(join('copied', 's1', forged)).rejects.toMatchObject({ code: 2 })
  expect(holder.connected).toBeTrue()
  await holder.endAsync()
})

/** A holder of the id "stopped" in a separate process, once it is admitted. */
async function holderOn({ hub }: typeof at) {
  const script = `
    const { connectAsync } = await import(${JSON.stringify(import.meta.resolve('mqtt'))})
    const { options, url } = JSON.parse(process.argv[1] ?? '')
    options.will.payload = Buffer.from(options.will.payload.data)
    await connectAsync(url, options)
    process.stdout.write('in')`
  const config = JSON.stringify({ options: options('stopped', 'old'), url: hub.urls.mqtt })
  const child = Bun.spawn([process.execPath, '-e', script, config], { stdout: 'pipe', stderr: 'inherit' })
  await child.stdout.getReader().read()
  return {
    stop: () => child.kill('SIGSTOP'),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await child.exited
    },
  }
}

test('a holder in another process keeps its id', async () => {
  await using _ = await holderOn(at)
  await expect(join('stopped', 'new')).rejects.toMatchObject({ code: 2 })
})

test('a holder that was stopped (SIGSTOP) is cut for its silence, and the newcomer is in', async () => {
  const own = await testHub()
  await using hub = own.hub
  await using holder = await holderOn(own)
  holder.stop()
  const newcomer = await connectAsync(hub.urls.mqtt, options('stopped', 'new'))
  expect(await own.logged('"stopped" cut')).toContain('did not answer a ping')
  expect(hub.clients()).toMatchObject([{ id: 'stopped', session: 'new' }])
  await newcomer.endAsync()
})

test('an agent that was killed is back at once', async () => {
  const holder = await join('killed', 's1')
  holder.stream.destroy()
  const again = await join('killed', 's2')
  expect(again.connected).toBeTrue()
  await again.endAsync()
})

test('of many that come at once one is in, and stays in', async () => {
  const tries = await Promise.allSettled(Array.from({ length: 10 }, (_, n) => join('rush', `s${n}`)))
  const winners = tries.filter((attempt) => attempt.status === 'fulfilled').map(({ value }) => value)
  expect(winners).toHaveLength(1)
  expect(winners[0]?.connected).toBeTrue()
  await winners[0]?.endAsync()
})
