/** Clients without credentials, and clients that send too much: neither keeps known clients from the hub. */
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectAsync, type IClientOptions } from 'mqtt'
import { connectMqtt, reached } from '../bus/mqtt.ts'
import { channels } from '../core/channels.ts'
import { byToken } from '../principals/identify.ts'
import { ownLocalTokens } from '../principals/local-token.ts'
import { logIns } from '../principals/log-in.ts'
import { addToken, principalsPath, setPassword } from '../principals/principals-file.ts'
import { testHub } from './hub.test-aid.ts'
import { limits } from './limits.ts'
import { packet, RawClient } from './raw-client.test-aid.ts'

let folder: string
let at: Awaited<ReturnType<typeof testHub>>
let local: string
let agent: IClientOptions
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ocs-strangers-'))
  const file = principalsPath(folder)
  local = ownLocalTokens([folder])[0] ?? ''
  agent = { clientId: 'ls240', username: 'ls240', password: addToken(file, 'ls240', 'agent') }
  at = await testHub({
    identify: byToken({ account: 'me', local: [local], file, log: () => {} }),
    logIn: logIns(file),
  })
})
afterEach(async () => {
  await at.hub.close()
  rmSync(folder, { recursive: true })
})
const enter = (more: IClientOptions) =>
  connectAsync(at.hub.urls.mqtt, { protocolVersion: 4, reconnectPeriod: 0, keepalive: 30, ...more })

test('idle clients without credentials leave room for agents, whose number is bounded as well', async () => {
  const crowd: RawClient[] = []
  const codes: (number | undefined)[] = []
  while (crowd.length < limits.principal_connections + 50) {
    const some = Array.from({ length: 50 }, () => new RawClient(at.hub.urls.mqtt))
    codes.push(...(await Promise.all(some.map((client, n) => client.connect(`idle${crowd.length + n}`)))))
    crowd.push(...some)
  }
  expect(codes.filter((code) => code === 0)).toHaveLength(limits.principal_connections)
  expect(codes.slice(-50)).toEqual(Array.from({ length: 50 }, () => 3))
  expect(await at.logged('are already connected from there')).toContain('200 clients without credentials')
  const client = await enter(agent)
  await client.publishAsync('observatory/ls240/events', '{}', { qos: 1 })
  // One principal may have this many connections; the account of the hub may have more.
  const own: unknown[] = []
  for (let n = 1; n < limits.principal_connections; n++)
    own.push(await enter({ ...agent, clientId: `x${n}` }))
  await expect(enter({ ...agent, clientId: 'one-more' })).rejects.toMatchObject({ code: 3 })
  // A client's own id is never refused for that reason.
  await client.endAsync(true)
  await expect(enter(agent)).resolves.toBeDefined()
  await expect(enter({ clientId: 'mine', username: 'me', password: local })).resolves.toBeDefined()
})

test('who sends more than is read waits, loses nothing of it, and holds up nobody', async () => {
  const count = 3 * limits.messages_per_second
  const owner = await enter({ clientId: 'ls372', username: 'me', password: local })
  const seen: number[] = []
  const all = Promise.withResolvers<void>()
  let rounds = 0
  owner.on('message', (topic, payload) => {
    if (topic.endsWith('/flood')) seen.push(Number(JSON.parse(String(payload)).n))
    if (seen.length === count) all.resolve()
  })
  await owner.subscribeAsync(['observatory/ls372/queries/+/flood', 'observatory/ls372/events'])
  const flood = new RawClient(at.hub.urls.mqtt)
  await flood.connect('flood')
  for (let n = 0; n < count; n++)
    flood.send(packet.publish('observatory/ls372/queries/history/flood', `{"n": ${n}}`))
  expect(await at.logged('send faster than they are read')).toStartWith(
    'clients without credentials at loopback',
  )
  // Another client goes on meanwhile, with many exchanges before the flood has been read.
  while (seen.length < count) {
    await owner.publishAsync('observatory/ls372/events', '{}', { qos: 1 })
    rounds++
  }
  await all.promise
  expect(seen).toEqual(Array.from({ length: count }, (_, n) => n))
  expect(rounds).toBeGreaterThan(20)
  flood.socket.destroy()
  await owner.endAsync()
})

test('log-ins do not stall the hub', async () => {
  await setPassword(principalsPath(folder), 'maya', 'observer', 'correct horse battery')
  const client = await enter(agent)
  const guesses = Array.from({ length: 40 }, (_, n) =>
    enter({
      clientId: `login-0000${String(n).padStart(4, '0')}`,
      username: n % 2 ? 'maya' : `nobody${n}`,
      password: 'wrong',
    }).catch(({ code }) => code),
  )
  let open = guesses.length
  for (const guess of guesses) void guess.then(() => open--)
  let rounds = 0
  while (open > 0) {
    await client.publishAsync('observatory/ls240/events', '{}', { qos: 1 })
    rounds++
  }
  // Either wrong, or one of too many at a time.
  expect(new Set(await Promise.all(guesses))).toEqual(new Set([4, 3]))
  expect(rounds).toBeGreaterThan(20)
  await client.endAsync()
})

test('who logs in is cut once it has its token, and makes room for the fifth of the same person', async () => {
  const password = 'correct horse battery'
  await setPassword(principalsPath(folder), 'maya', 'observer', password)
  const open = (n: number) => enter({ clientId: `login-1000000${n}`, username: 'maya', password })
  const gone = (client: Awaited<ReturnType<typeof open>>) =>
    new Promise<void>((resolve) => client.once('close', resolve))
  const first = await open(0)
  const token = new Promise((resolve) =>
    first.once('message', (_, text) => resolve(JSON.parse(`${text}`).token)),
  )
  const over = gone(first)
  await first.subscribeAsync(`observatory/hub/login/login-10000000`, { qos: 1 })
  expect(await token).toStartWith('ocs1_maya_')
  await over
  const idle = []
  for (const n of [1, 2, 3, 4]) idle.push(await open(n))
  const oldest = Promise.all(idle.slice(0, 1).map(gone))
  const last = await open(5)
  await oldest
  expect([...idle.slice(1), last].map(({ connected }) => connected)).toEqual([true, true, true, true])
  await Promise.all([...idle, last].map((client) => client.endAsync(true)))
})

test('whom the hub knows is told what it does not pass on, hears so as an error, and goes on', async () => {
  const left: string[] = []
  await using bus = connectMqtt({
    url: at.hub.urls.mqtt,
    client: 'ls240',
    credentials: () => ({ principal: 'ls240', tokens: [String(agent.password)] }),
    onBad: (topic, why) => left.push(`${topic}: ${why}`),
  })
  await reached(bus, at.hub.urls.mqtt, 3600)
  const lost: boolean[] = []
  bus.onConnected((connected) => lost.push(connected))
  const other = { root: 'observatory', instance: 'ls372' }
  const own = { ...other, instance: 'ls240' }
  const api = { agent_class: 'X', help: '', ops: {}, queries: {}, feeds: {} }
  await expect(bus.publish(channels.api, other, api)).rejects.toThrow(
    'the hub refused to publish it: "observatory/ls372/api": the instance-id in the topic is not its own client id; it is ls240, an agent',
  )
  await bus.publish(channels.api, own, api)
  expect(left).toEqual([expect.stringContaining('observatory/ls372/api: the hub refused to publish it')])
  expect(lost).toEqual([true])
  const reader = await enter({ clientId: 'reader' })
  const kept: string[] = []
  reader.on('message', (topic) => kept.push(topic))
  await reader.subscribeAsync('observatory/+/api')
  await reader.subscribeAsync('observatory/hub')
  expect(kept).toContain('observatory/ls240/api')
  expect(kept).not.toContain('observatory/ls372/api')
  expect(kept.filter((topic) => !topic.startsWith('observatory/'))).toEqual([])
  await reader.endAsync()
})
