/**
 * Who may publish and receive what: every role on every channel, over TCP and WebSocket, plain and over TLS,
 * on a hub as it runs in a lab.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt'
import { connectMqtt, reached } from '../bus/mqtt.ts'
import { channels } from '../core/channels.ts'
import { addressOf, type Channel, topic } from '../core/topic.ts'
import { isRecorder } from '../launch/agents.ts'
import { makeAuthority, makeServer } from '../principals/certificate.ts'
import { byToken } from '../principals/identify.ts'
import { ownLocalTokens } from '../principals/local-token.ts'
import { addToken, principalsPath, type RoleText, revoke } from '../principals/principals-file.ts'
import { recorders } from '../site/find.ts'
import { parseSite } from '../site/site.ts'
import { presence, testHub } from './hub.test-aid.ts'
import { limits } from './limits.ts'

const SITE = `
hub: {mqtt_server: "mqtt://127.0.0.1:1883"}
hosts:
  grumpy:
    agent-instances:
      - {instance-id: ls240, agent-class: Lakeshore240Agent}
      - {instance-id: aggregator, agent-class: AggregatorAgent}
`
type Key = keyof typeof channels
/**
 * Identities and client ids. `stray` is the agent of ls240 under another id than its own; `posing` only
 * reads, under an agent's id.
 */
const who = {
  owner: 'boss',
  admin: 'ada-1',
  operator: 'maya-1',
  observer: 'otto-1',
  nobody: 'some-1',
  agent: 'ls240',
  stray: 'ls241',
  posing: 'ls372',
  recorder: 'aggregator',
} as const
type Who = keyof typeof who
const everyone = Object.keys(who) as Who[]
const agents: readonly Who[] = ['owner', 'agent', 'recorder']
const operators: readonly Who[] = ['owner', 'admin', 'operator']
/** Clients whose own name makes them agents; nobody is an agent on a topic in another's name. */
const AS_AGENT = { own: agents, other: [] as readonly Who[] }

/**
 * The intended rights, written independently of the rules: who publishes on a topic with its own id in the
 * place of the sending client or instance, who with another's id, and who receives the message.
 */
const meant: Readonly<
  Record<
    Key,
    {
      own: readonly Who[]
      other: readonly Who[]
      given: 'everyone' | 'its instance' | 'its client' | 'nobody'
    }
  >
> = {
  presence: { ...AS_AGENT, given: 'everyone' },
  api: { ...AS_AGENT, given: 'everyone' },
  session: { ...AS_AGENT, given: 'everyone' },
  feed: { ...AS_AGENT, given: 'everyone' },
  message: { ...AS_AGENT, given: 'everyone' },
  last: { ...AS_AGENT, given: 'everyone' },
  // An administrator who removes an agent publishes the event in its place.
  event: { own: [...agents, 'admin'], other: ['owner', 'admin'], given: 'everyone' },
  // Only under an id of its own form: see rules.test.ts.
  drains: { own: [], other: [], given: 'everyone' },
  reply: { ...AS_AGENT, given: 'its client' },
  replayed: { ...AS_AGENT, given: 'its client' },
  request: { own: operators, other: [], given: 'its instance' },
  query: { own: everyone, other: [], given: 'its instance' },
  replay: { own: everyone, other: [], given: 'its instance' },
  // Also the owner, if the site names no recorder of that id, which is not the case here.
  ack: { own: ['recorder'], other: ['recorder'], given: 'its instance' },
  // Channels on which only the hub publishes; other tests check who receives them.
  hub: { own: [], other: [], given: 'everyone' },
  ping: { own: [], other: [], given: 'its client' },
  refused: { own: [], other: [], given: 'its client' },
  login: { own: [], other: [], given: 'its client' },
  audit: { own: [], other: [], given: 'nobody' },
}

const authority = makeAuthority()
const plain = { host: '127.0.0.1', port: 0 }
let folder: string
let at: Awaited<ReturnType<typeof testHub>>
const passwords = new Map<Who, { username: string; password: string }>()
// Thousands of connections from one address, one after the other: more than the hub accepts from one per
// second.
const atOnce = limits.address_connects_at_once
beforeAll(async () => {
  Object.assign(limits, { address_connects_at_once: 1e6 })
  folder = mkdtempSync(join(tmpdir(), 'ocs-roles-'))
  const file = principalsPath(folder)
  const [local = ''] = ownLocalTokens([folder])
  const known: readonly [Who, string, RoleText][] = [
    ['admin', 'ada', 'admin'],
    ['operator', 'maya', 'operator:1'],
    ['observer', 'otto', 'observer'],
    ['agent', 'ls240', 'agent'],
    ['recorder', 'aggregator', 'recorder'],
  ]
  passwords.set('owner', { username: 'me', password: local })
  for (const [role, name, text] of known)
    passwords.set(role, { username: name, password: addToken(file, name, text) })
  passwords.set('stray', { username: 'ls240', password: passwords.get('agent')?.password ?? '' })
  const site = parseSite(SITE, 'site.yaml')
  at = await testHub({
    keys: makeServer(authority, ['127.0.0.1']),
    listen: [plain, { ...plain, tls: true }],
    websocket: [plain, { ...plain, tls: true }],
    identify: byToken({ account: 'me', local: [local], file, log: () => {} }),
    recorders: recorders(site, isRecorder),
  })
})
afterAll(async () => {
  Object.assign(limits, { address_connects_at_once: atOnce })
  await at.hub.close()
  rmSync(folder, { recursive: true })
})

const transports = ['mqtt', 'mqtts', 'ws', 'wss'] as const
type Transport = (typeof transports)[number]
const enter = (role: Who, transport: Transport = 'mqtt', more: IClientOptions = {}) =>
  connectAsync(
    at.hub.listeners.find((url) => url.startsWith(`${transport}:`)) ?? '',
    {
      ca: authority.cert,
      clientId: who[role],
      protocolVersion: 4,
      reconnectPeriod: 0,
      ...passwords.get(role),
      ...more,
    },
    // Otherwise a connection that is closed before its answer would be awaited for ever.
    false,
  )
/** A connection of the owner under the id of any agent. */
const as = (clientId: string) => enter('owner', 'mqtt', { clientId })

/** The topic of a channel; `self` is the name that has to be the sender's own. */
function topicOf(key: Key, self: string, to: { instance?: string; client?: string } = {}): string {
  const speaker = /\{client\}$/.test(channels[key].pattern) ? 'client' : 'instance'
  const names = [...channels[key].pattern.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
  const values = names.map((name) => [
    name,
    name === 'query' ? 'history' : name === 'action' ? 'start' : 'x1',
  ])
  return topic(
    channels[key] as Channel,
    {
      ...Object.fromEntries(values),
      ...{ root: 'observatory', instance: 'other', client: 'other' },
      ...to,
      [speaker]: self,
    } as never,
  )
}
const keys = Object.keys(channels) as Key[]

/**
 * Publishes with QoS 1 and returns the outcome: `taken`, `left out` if the hub said so before it acknowledged
 * (by a notice or by a reply in an agent's place), `cut`. `told` receives the text.
 */
async function published(
  client: MqttClient,
  on: string,
  text: string,
  retain: boolean,
  told: (payload: string) => void = () => {},
): Promise<'taken' | 'left out' | 'cut'> {
  let isTold = false
  client.on('message', (where, payload) => {
    const refusal = addressOf(channels.refused, where)
    if (refusal === undefined && addressOf(channels.reply, where) === undefined) return
    isTold = true
    told(String(payload))
  })
  const gone = new Promise<'cut'>((resolve) => client.once('close', () => resolve('cut')))
  const sent = client.publishAsync(on, text, { qos: 1, retain }).then(() => (isTold ? 'left out' : 'taken'))
  return await Promise.race([gone, sent.catch(() => 'cut' as const)])
}

for (const transport of transports) {
  test.each(everyone)(`what %s publishes over ${transport}`, async (role) => {
    const wrong: string[] = []
    for (const key of keys) {
      for (const whose of ['own', 'other'] as const) {
        for (const retain of new Set([false, channels[key].retain])) {
          const client = await enter(role, transport)
          const on = topicOf(key, whose === 'own' ? who[role] : 'someone')
          // Neither `{}` nor empty: a message that an agent would drop.
          const came = await published(client, on, '[]', retain)
          await client.endAsync(true)
          // A client that the hub knows is informed and stays connected.
          const may = meant[key][whose].includes(role) ? 'taken' : passwords.has(role) ? 'left out' : 'cut'
          if (came !== may) wrong.push(`${key}, ${whose} name, retain ${retain}: ${came}`)
        }
      }
    }
    expect(wrong).toEqual([])
  })

  test.each(everyone)(`a last will of %s over ${transport}`, async (role) => {
    const wrong: string[] = []
    for (const key of keys) {
      const will = { topic: topicOf(key, who[role]), payload: Buffer.from('[]'), qos: 1 as const }
      const client = await enter(role, transport, { will }).catch(() => undefined)
      await client?.endAsync()
      if ((client !== undefined) !== meant[key].own.includes(role)) wrong.push(key)
    }
    expect(wrong).toEqual([])
  })
}

/**
 * Messages of every channel, to the agent ls240 and to each client; without those that only the hub sends.
 */
function sayings(): { key: Key; sender: string; topic: string; to: string }[] {
  return keys
    .filter((key) => !['hub', 'ping', 'refused', 'login', 'audit'].includes(key))
    .flatMap((key) => {
      if (meant[key].given === 'its client')
        return everyone.map((role) => ({
          ...{ key, sender: 'talker', to: who[role] },
          topic: topicOf(key, 'talker', { client: who[role] }),
        }))
      if (meant[key].given === 'its instance') {
        const sender = key === 'ack' ? 'aggregator' : 'talker'
        // `posing` has an agent's id but is not an agent.
        return ['ls240', 'ls372'].map((to) => ({
          ...{ key, sender, to },
          topic: key === 'ack' ? topicOf(key, to) : topicOf(key, sender, { instance: to }),
        }))
      }
      const sender = key === 'drains' ? 'x1-drain-0a1b2c3d' : 'talker'
      return [{ key, sender, to: '', topic: topicOf(key, sender) }]
    })
}
/** @param recorder the only client that acknowledges */
async function sayAll(recorder: MqttClient): Promise<ReturnType<typeof sayings>> {
  const all = sayings()
  for (const sender of new Set(all.map((one) => one.sender))) {
    const client = sender === who.recorder ? recorder : await as(sender)
    for (const one of all.filter((each) => each.sender === sender)) {
      await client.publishAsync(one.topic, '[]', { qos: 1, retain: channels[one.key].retain })
    }
    if (client !== recorder) await client.endAsync()
  }
  return all
}
/** The messages that a client receives, up to the mark that comes last. */
function hearing(client: MqttClient): Promise<Set<string>> {
  const heard = new Set<string>()
  return new Promise((resolve) => {
    client.on('message', (on, text) => {
      if (String(text) === 'mark') resolve(heard)
      else heard.add(on)
    })
  })
}
async function mark(): Promise<void> {
  const client = await as('marker')
  await client.publishAsync('observatory/marker/events', 'mark', { qos: 1 })
  await client.endAsync()
}
/** The clients that should receive a message. */
function receivers({ key, to }: ReturnType<typeof sayings>[number]): readonly Who[] {
  if (meant[key].given === 'everyone') return everyone
  const addressed = everyone.filter((role) => who[role] === to)
  const agent = addressed.filter((role) => meant[key].given === 'its client' || agents.includes(role))
  return [...new Set<Who>(['owner', 'admin', ...agent])]
}

for (const transport of transports) {
  test(`who is given what is said, over ${transport}, whatever it has subscribed to`, async () => {
    for (const filter of ['#', 'observatory/#', '+/+/+/#', 'observatory/+/+/+/+']) {
      const clients = await Promise.all(everyone.map((role) => enter(role, transport)))
      for (const client of clients)
        await client.subscribeAsync([filter, 'observatory/marker/events'], { qos: 1 })
      const heard = clients.map(hearing)
      const said = (await sayAll(clients[everyone.indexOf('recorder')] as MqttClient)).filter(
        ({ topic: on }) => matchesAlone(filter, on),
      )
      await mark()
      const sets = await Promise.all(heard)
      const wrong = said.flatMap((one) => {
        const got = everyone.filter((_, i) => sets[i]?.has(one.topic))
        const wanted = everyone.filter((role) => receivers(one).includes(role))
        return got.join() === wanted.join() ? [] : [`${filter} ${one.topic}: ${got} instead of ${wanted}`]
      })
      expect(said.length).toBeGreaterThan(4)
      expect(wrong).toEqual([])
      await Promise.all(clients.map((client) => client.endAsync()))
    }
  })
}

/** Whether a filter of this test matches a topic: by its number of levels. */
function matchesAlone(filter: string, on: string): boolean {
  const [wanted, levels] = [filter.split('/').length, on.split('/').length]
  return filter.endsWith('#') ? levels >= wanted - 1 : levels === wanted
}

test('a session that is to be kept is sent nothing of others either when it comes back', async () => {
  const kept = { clean: false }
  const before = await enter('nobody', 'mqtt', kept)
  await before.subscribeAsync('#', { qos: 1 })
  await before.endAsync()
  const recorder = await enter('recorder')
  await sayAll(recorder)
  await recorder.endAsync()
  const again = await enter('nobody', 'mqtt', kept)
  const heard = hearing(again)
  await again.subscribeAsync('observatory/marker/events', { qos: 1 })
  await mark()
  expect([...(await heard)]).toEqual([])
  await again.endAsync()
})

test('nothing of the broker’s own topics is given out, nor taken', async () => {
  for (const role of everyone) {
    const client = await enter(role)
    await expect(client.subscribeAsync('$SYS/#')).rejects.toThrow()
    const gone = new Promise<void>((resolve) => client.once('close', () => resolve()))
    if (!passwords.has(role)) {
      client.publish('$SYS/x', '[]')
      await gone
    } else expect(await published(client, '$SYS/x', '[]', false)).toBe('left out')
    await client.endAsync(true)
  }
})

test('an administrator clears what an agent has left retained, and nobody else does', async () => {
  const left = await as('gone')
  await left.publishAsync('observatory/gone/api', '[]', { qos: 1, retain: true })
  await left.endAsync()
  const maya = await enter('operator')
  expect(await published(maya, 'observatory/gone/api', '', true)).toBe('left out')
  await maya.endAsync()
  const kept = async () => {
    const reader = await enter('nobody')
    const heard = hearing(reader)
    await reader.subscribeAsync(['observatory/gone/api', 'observatory/marker/events'], { qos: 1 })
    await mark()
    const seen = (await heard).has('observatory/gone/api')
    await reader.endAsync()
    return seen
  }
  expect(await kept()).toBeTrue()
  const ada = await enter('admin')
  await ada.publishAsync('observatory/gone/api', '', { qos: 1, retain: true })
  await ada.endAsync()
  expect(await kept()).toBeFalse()
})

test('whoever looks on under an agent’s id makes room for the agent, and an agent never for it', async () => {
  const squatter = await enter('nobody', 'mqtt', { clientId: 'ls240' })
  const gone = new Promise<void>((resolve) => squatter.once('close', () => resolve()))
  const agent = await enter('agent')
  await gone
  expect(await at.logged('"ls240" cut', 'that owns the id')).toBeString()
  await expect(enter('nobody', 'mqtt', { clientId: 'ls240' })).rejects.toThrow('Identifier rejected')
  expect(agent.connected).toBeTrue()
  await agent.endAsync()
})

test('a retained session shown as one’s own takes no id over', async () => {
  const agent = await enter('agent')
  const will = {
    topic: 'observatory/ls240/presence',
    payload: Buffer.from(JSON.stringify(presence('s1'))),
    qos: 1 as const,
  }
  await expect(enter('nobody', 'mqtt', { clientId: 'ls240', will })).rejects.toThrow('Not authorized')
  // Another principal with the same random part of the password is another process.
  expect(agent.connected).toBeTrue()
  await agent.endAsync()
})

test.each([
  ['a token that is none of the hub’s', { username: 'ls240', password: `ocs1_ls240_${'x'.repeat(43)}` }],
  ['a user of whom there is no token', { username: 'maya', password: 'a password' }],
])('who shows %s is not let in', async (_, shown) => {
  await expect(enter('nobody', 'mqtt', shown)).rejects.toThrow('Bad username or password')
})

test('whoever is taken out of the file is cut, and let in no more; the others stay', async () => {
  const file = principalsPath(folder)
  const zoe = { username: 'zoe', password: addToken(file, 'zoe', 'operator:1'), clientId: 'zoe.1' }
  const [client, other] = [await enter('nobody', 'mqtt', zoe), await enter('operator')]
  const gone = new Promise<void>((resolve) => client.once('close', () => resolve()))
  revoke(file, 'zoe')
  at.hub.recheck()
  await gone
  await expect(enter('nobody', 'mqtt', zoe)).rejects.toThrow('Bad username or password')
  expect(other.connected).toBeTrue()
  await other.endAsync()
})

test('an agent is told by the hub who asks, whatever the request says of it', async () => {
  const agent = await enter('agent')
  await agent.subscribeAsync('observatory/ls240/queries/+/+', { qos: 1 })
  const asked = (sent: string, role: Who) =>
    new Promise<unknown>((resolve) => {
      agent.once('message', (_, text) => resolve(JSON.parse(String(text))))
      void enter(role).then(async (client) => {
        await client.publishAsync(topicOf('query', who[role], { instance: 'ls240' }), sent, { qos: 1 })
        await client.endAsync()
      })
    })
  const forged = { principal: 'ada', level: 3, from: 'ada@elsewhere' }
  const text = JSON.stringify({ id: 'r1', caller: forged, params: { n: 0.1 } })
  const told = (principal: string, level: number) => ({
    ...{ id: 'r1', params: { n: 0.1 } },
    caller: { principal, level, from: `${principal}@${hostname()}` },
  })
  expect(await asked(text, 'operator')).toEqual(told('maya', 1))
  expect(await asked(text, 'nobody')).toEqual(told('nobody', 0))
  expect(await asked(text, 'owner')).toEqual(told('me', 3))
  // Text that is not JSON, though other languages' parsers accept it, is not forwarded.
  expect(await asked(`{"id": "r1", "n": NaN, "caller": ${JSON.stringify(forged)}}`, 'nobody')).toBeNull()
  expect(await asked('[1]', 'nobody')).toBeNull()
  await agent.endAsync()
})

test('a client that looked for its credentials before the hub was there is no observer for good', async () => {
  const owner = passwords.get('owner')
  let looks = 0
  const credentials = () => {
    looks++
    return looks === 1 ? undefined : { principal: owner?.username ?? '', tokens: [owner?.password ?? ''] }
  }
  await using bus = connectMqtt({ url: at.hub.urls.mqtt, client: 'late-1', credentials })
  await reached(bus, at.hub.urls.mqtt, 3600)
  const got = Promise.withResolvers<string>()
  const agent = await as('ls240')
  agent.on('message', (where) => got.resolve(where))
  await agent.subscribeAsync('observatory/ls240/ops/+/start/+')
  const address = { root: 'observatory', instance: 'ls240', op: 'acq', action: 'start', client: 'late-1' }
  await bus.publish(channels.request, address, { id: 'r1', sent: 1, timeout: 1, params: {} })
  expect(await got.promise).toBe('observatory/ls240/ops/acq/start/late-1')
  // The client was not refused anything for that.
  expect(at.lines.filter((line) => line.includes('late-1'))).toEqual([])
  await agent.endAsync()
})
