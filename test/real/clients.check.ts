/** Foreign programs on the hub: Mosquitto's clients over TCP, mqtt.js over WebSocket, one of them frozen. */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { connectAsync } from 'mqtt'
import { connectMqtt, reached } from '../../src/bus/mqtt.ts'
import { channels } from '../../src/core/channels.ts'
import { DemoLab, SITE } from './demo-lab.ts'
import { split, subscriber } from './listener.ts'
import { figure, Lab, type Running, SLOW, seconds, since, until } from './roles.ts'

setDefaultTimeout(400_000)

const WS = 'ws://127.0.0.1:8001/ws'
const EMPTY_ROW = { epoch: 'e1', block: 'b', t: [1], data: {} }

function publish(lab: Lab, id: string, topic: string, ...args: string[]): Running {
  const { username, password } = lab.owner
  const where = ['-h', '127.0.0.1', '-p', '1883', '-u', username, '-P', password]
  const command = ['mosquitto_pub', ...where, '-i', id, '-t', topic, ...args]
  return lab.program(`pub-${id}`, command)
}

test('mosquitto_sub shows an agent; what is retained comes at once', async () => {
  await using lab = new Lab()
  const demo = new DemoLab(lab)
  await lab.hub(...SITE)
  await demo.sim240()
  const agent = demo.ls240(5)
  await agent.says('Channel_1 ')
  await seconds(1.5)

  // Exactly what the manual says to type.
  const plain = lab.program('plain', ['mosquitto_sub', '-t', 'observatory/ls240/#', '-v'])
  const all = ['presence', 'api', 'ops/acq/session', 'feeds/temperatures', 'last/temperatures']
  await Promise.all(all.map((topic) => plain.says(`observatory/ls240/${topic} {`)))
  const lines = plain.lines.map(({ text, at }) => ({ at, split: split(text) }))
  const message = (topic: string) =>
    JSON.parse(lines.find((line) => line.split[0] === `observatory/ls240/${topic}`)?.split[1] ?? 'null')
  expect(message('presence')).toMatchObject({
    state: 'online',
    agent_class: 'Lakeshore240Agent',
    pid: agent.pid,
  })
  expect(Object.keys(message('api').ops)).toContain('acq')
  expect(Object.keys(message('api').feeds)).toEqual(['temperatures'])
  expect(message('ops/acq/session')).toMatchObject({ op_name: 'acq', status: 'running' })
  expect(message('feeds/temperatures')).toMatchObject({ block: 'temps' })
  const last = message('last/temperatures')
  expect(Object.keys(last)).toContain('timestamp')
  expect(last.Channel_1_T).toBeNumber()

  const asked = performance.now()
  const late = lab.program('late', subscriber('late', 'observatory/ls240/#', '%r %t'))
  const retained = ['presence', 'api', 'ops/acq/session', 'last/temperatures']
  const came = await Promise.all(retained.map((topic) => late.says(`1 observatory/ls240/${topic}`)))
  const slowest = Math.max(...came.map(({ at }) => at)) - asked
  figure(`all that is retained ${slowest.toFixed(0)} ms after a subscriber is started`)
  expect(slowest).toBeLessThan(SLOW * 1000)

  // A killed agent is lost at once, by its last will.
  const killed = performance.now()
  agent.signal('SIGKILL')
  await plain.says('"state":"lost"', 2)
  figure(`a killed agent is lost after ${(1000 * since(killed)).toFixed(0)} ms`)
})

test('messages pass between Mosquitto over TCP and mqtt.js over WebSocket, both ways', async () => {
  await using lab = new Lab()
  await lab.hub()
  await using web = connectMqtt({ url: WS, client: 'web', credentials: () => lab.credentials(WS) })
  await reached(web, WS, 10)
  const rows: unknown[] = []
  const came = Promise.withResolvers<void>()
  const here = { root: 'observatory', feed: 'f' }
  await web.subscribe(channels.feed, { ...here, instance: 'foreign' }, (row) => {
    rows.push(row)
    came.resolve()
  })
  const row = JSON.stringify(EMPTY_ROW)
  const pub = publish(lab, 'foreign', 'observatory/foreign/feeds/f', '-q', '1', '-m', row)
  expect(await pub.ended()).toMatchObject({ code: 0 })
  await came.promise
  expect(rows).toEqual([EMPTY_ROW])

  const sub = lab.program('sub', subscriber('sub', 'observatory/web/feeds/#', '%t %p'))
  const timer = setInterval(() => web.publish(channels.feed, { ...here, instance: 'web' }, EMPTY_ROW), 100)
  await sub.says(`observatory/web/feeds/f ${row}`)
  clearInterval(timer)
})

test('a client may publish only beneath its own name', async () => {
  await using lab = new Lab()
  const hub = await lab.hub()
  await publish(lab, 'rogue', 'observatory/ls240/presence', '-r', '-m', '{}').ended()
  await hub.says(/rogue.*tried to publish what it may not/)
})

/** Limit in milliseconds. Nagle's algorithm with delayed acknowledgements would take 40. */
const ROUND_TRIP = 20

test('requests and replies are not held back to fill a packet', async () => {
  await using lab = new Lab()
  await lab.hub()
  const join = (clientId: string) => connectAsync('mqtt://127.0.0.1:1883', { clientId, ...lab.owner })
  const [agent, caller] = await Promise.all([join('prompt'), join('ctrl.2')])
  await agent.subscribeAsync('observatory/prompt/ops/+/+/+', { qos: 1 })
  await caller.subscribeAsync('observatory/+/replies/ctrl.2/+', { qos: 1 })
  agent.on('message', () =>
    agent.publish('observatory/prompt/replies/ctrl.2/r1', 'x'.repeat(600), { qos: 1 }),
  )
  const took: number[] = []
  for (let n = 0; n < 101; n++) {
    const asked = performance.now()
    const reply = new Promise((resolve) => caller.once('message', resolve))
    caller.publish('observatory/prompt/ops/acq/status/ctrl.2', '{}', { qos: 1 })
    await reply
    took.push(performance.now() - asked)
  }
  const middle = took.sort((a, b) => a - b)[50] ?? Infinity
  figure(`a request and its reply take ${middle.toFixed(1)} ms`)
  expect(middle).toBeLessThan(SLOW * ROUND_TRIP)
  await Promise.all([agent.endAsync(), caller.endAsync()])
})

/** Bytes per second, and bytes per message. */
const RATE = 2_000_000
const MESSAGE = 50_000
const FROZEN = 30
const DELAYED = 2

test('a frozen subscriber at 2 MB/s delays no other by more than 2 s', async () => {
  await using lab = new Lab()
  const hub = await lab.hub()
  const topic = 'observatory/loud/feeds/bulk'
  const now = () => (performance.timeOrigin + performance.now()) / 1000
  const delays = { tcp: [] as number[], ws: [] as number[] }
  const newest = { tcp: 0, ws: 0 }
  const take = (kind: 'tcp' | 'ws', at: number) => {
    delays[kind].push(now() - at)
    newest[kind] = at
  }
  const frozen = lab.program('frozen', subscriber('frozen', topic, '%p'), { onLine: () => {} })
  lab.program('other', subscriber('other', topic, '%p'), {
    onLine: ({ text }) => take('tcp', JSON.parse(text).t[0]),
  })
  await using web = connectMqtt({ url: WS, client: 'web', credentials: () => lab.credentials(WS) })
  const address = { root: 'observatory', instance: 'loud', feed: 'bulk' }
  await web.subscribe(channels.feed, address, ({ t: [at = 0] }) => take('ws', at))

  const loud = publish(lab, 'loud', topic, '-l')
  const padding = ['x'.repeat(MESSAGE)]
  const period = (1000 * MESSAGE) / RATE
  let sent = 0
  const timer = setInterval(() => {
    sent = now()
    loud.write(`${JSON.stringify({ ...EMPTY_ROW, t: [sent], data: { padding } })}\n`)
  }, period)
  await until('messages come', 10, () => delays.tcp.length > 20 && delays.ws.length > 20)
  frozen.signal('SIGSTOP')
  const before = delays.tcp.length
  await seconds(FROZEN)
  clearInterval(timer)
  await until('all has come', 20, () => newest.tcp === sent && newest.ws === sent)
  const megabytes = ((delays.tcp.length - before) * MESSAGE) / 1e6
  figure(`${megabytes.toFixed(0)} MB past a reader frozen for ${FROZEN} s`)
  for (const [kind, list] of Object.entries(delays)) {
    const worst = Math.max(...list)
    figure(`${kind}: ${list.length} messages, worst delay ${worst.toFixed(3)} s`)
    expect(worst).toBeLessThan(SLOW * DELAYED)
  }
  await hub.says(/frozen.*cut|cut.*frozen/)
})
