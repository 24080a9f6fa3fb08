/**
 * Third-party devices on the hub: who publishes on which topics, who receives from them, and what they cannot
 * reach.
 */
import { expect, test } from 'bun:test'
import { connectAsync, type MqttClient } from 'mqtt'
import { temporary } from '../../test/temporary.ts'
import { byToken } from '../principals/identify.ts'
import { addToken, type RoleText } from '../principals/principals-file.ts'
import { testHub } from './hub.test-aid.ts'

const GRANTED = new Map([
  ['plug', ['shellies/plug']],
  ['z2m', ['zigbee2mqtt', 'home/z2m']],
])

/** A hub that grants topics to two devices, and clients of that hub. */
async function lab(granted = () => GRANTED as ReadonlyMap<string, readonly string[]>) {
  const file = temporary('principals.yaml')
  const known: Record<string, string> = {}
  const roles: Record<string, RoleText> = { plug: 'device', z2m: 'device', otto: 'observer', ls240: 'agent' }
  for (const [name, role] of Object.entries(roles)) known[name] = addToken(file, name, role)
  const identify = byToken({ account: 'me', local: ['local'], file, log: () => {} })
  const at = await testHub({ identify, deviceTopics: granted })
  const open: MqttClient[] = []
  return {
    ...at,
    /** A client with a name, or without one, and the messages it receives. */
    async client(name: string | undefined, more: object = {}) {
      const password = name === undefined ? undefined : known[name]
      const client = await connectAsync(at.hub.urls.mqtt, {
        clientId: `${name ?? 'some'}-${open.length}`,
        protocolVersion: 4,
        reconnectPeriod: 0,
        ...(name !== undefined && password !== undefined && { username: name, password }),
        ...more,
      })
      open.push(client)
      const heard: string[] = []
      client.on('message', (topic, payload) => heard.push(`${topic} ${payload}`))
      return { client, heard }
    },
    async [Symbol.asyncDispose]() {
      for (const client of open) client.end(true)
      await at.hub.close()
    },
  }
}

/**
 * What all receive of one client's messages: a later message on the same connection shows that all have come.
 */
async function heardBy(of: Awaited<ReturnType<typeof lab>>, who: string, topics: readonly string[]) {
  const eyes = await Promise.all([undefined, 'otto', 'plug', 'z2m'].map((name) => of.client(name)))
  for (const { client } of eyes) await client.subscribeAsync('#').catch(() => {})
  for (const { client } of eyes.slice(2))
    await client.subscribeAsync(['shellies/#', 'zigbee2mqtt/#', 'home/+/x']).catch(() => {})
  const { client } = await of.client(who)
  for (const topic of topics) await client.publishAsync(topic, 'x', { qos: 1 })
  // Its connection still stands: only the forbidden message is dropped.
  await client.publishAsync(`${GRANTED.get(who)?.[0]}/end`, '', { qos: 1 })
  const last = `${GRANTED.get(who)?.[0]}/end `
  const seen = eyes.filter((_, i) => i < 2 || ['plug', 'z2m'][i - 2] === who)
  while (seen.some(({ heard }) => !heard.includes(last)))
    await new Promise<void>((done) => setImmediate(done))
  return eyes.map(({ heard }) => heard.filter((line) => line !== last && !line.startsWith('observatory/')))
}

test('a device publishes beneath its own prefixes, and is heard by whoever looks on and by itself', async () => {
  await using at = await lab()
  const topics = ['zigbee2mqtt', 'zigbee2mqtt/dome', 'home/z2m/x']
  const all = topics.map((topic) => `${topic} x`)
  expect(await heardBy(at, 'z2m', topics)).toEqual([all, all, [], all])
})

test.each([
  'shellies/plug/relay',
  'zigbee2mqttx/dome',
  'home/z2',
  'observatory/ls240/feeds/temperatures',
  'observatory/z2m/presence',
  'elsewhere/x',
])('what is not granted to it is left out, and told: %s', async (topic) => {
  await using at = await lab()
  expect(await heardBy(at, 'z2m', [topic])).toEqual([[], [], [], []])
  await at.logged('z2m', 'tried to publish what it may not')
})

test('nobody else publishes there, neither an agent nor who looks on', async () => {
  await using at = await lab()
  const { client, heard } = await at.client('otto')
  await client.subscribeAsync('zigbee2mqtt/#')
  const { client: agent } = await at.client('ls240', { clientId: 'ls240' })
  await agent.publishAsync('zigbee2mqtt/dome', 'forged', { qos: 1 })
  const { client: z2m } = await at.client('z2m')
  await z2m.publishAsync('zigbee2mqtt/dome', 'true', { qos: 1 })
  while (heard.length === 0) await new Promise<void>((done) => setImmediate(done))
  expect(heard).toEqual(['zigbee2mqtt/dome true'])
})

test('a device sees nothing of the lab, and its last will is its own', async () => {
  await using at = await lab()
  const { client } = await at.client('plug')
  for (const filter of ['#', 'observatory/#', 'zigbee2mqtt/#'])
    await expect(client.subscribeAsync(filter)).rejects.toThrow()
  const will = (topic: string) => ({
    will: { topic, payload: Buffer.from('false'), qos: 0 as const, retain: true },
  })
  await expect(at.client('plug', will('observatory/plug/presence'))).rejects.toThrow()
  const { heard, client: eye } = await at.client(undefined)
  await eye.subscribeAsync('shellies/#')
  const { client: leaving } = await at.client('plug', will('shellies/plug/online'))
  leaving.stream.destroy()
  while (heard.length === 0) await new Promise<void>((done) => setImmediate(done))
  expect(heard).toEqual(['shellies/plug/online false'])
})

test('what a site file grants no more is left out from then on', async () => {
  let granted: ReadonlyMap<string, readonly string[]> = GRANTED
  await using at = await lab(() => granted)
  const { client } = await at.client('plug')
  await client.publishAsync('shellies/plug/a', 'x', { qos: 1, retain: true })
  granted = new Map()
  await client.publishAsync('shellies/plug/b', 'x', { qos: 1, retain: true })
  granted = GRANTED
  const { client: eye, heard } = await at.client('otto')
  await eye.subscribeAsync('shellies/#')
  await eye.subscribeAsync('#')
  while (heard.length < 2) await new Promise<void>((done) => setImmediate(done))
  expect(new Set(heard.filter((line) => line.startsWith('shellies')))).toEqual(new Set(['shellies/plug/a x']))
})
