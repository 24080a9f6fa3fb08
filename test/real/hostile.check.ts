/**
 * A hub that other machines reach, attacked from one of them: the lab's own clients, on another machine and
 * on the hub's, continue. Hosts are network namespaces, so it runs as root, in `.ci/alone`.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { connectAsync, type MqttClient } from 'mqtt'
import { HERE, type Host, Network } from './hosts.ts'
import { figure, Lab, OCS, ROOT, type Running, seconds, until } from './roles.ts'

setDefaultTimeout(400_000)

const SITE = ['--site-file', join(ROOT, 'fixtures', 'sites', 'yale.yaml'), '--site-host', 'grumpy']
const MQTTS = `mqtts://${HERE}:8883`
/** The attacking program, run with the same Bun as `ocs`. */
const ATTACKER = [OCS[0] ?? '', join(import.meta.dir, 'attacker.ts')]
/** Messages per phase, and phases with and without an attack, in turn. */
const [ROUNDS, PHASES] = [200, 5]

let lab: Lab
let hub: Running
let hosts: { stranger: Host; friend: Host }
/** Sends messages through the hub and back, on the hub's machine. */
let probe: MqttClient
beforeAll(async () => {
  lab = new Lab()
  const network = await Network.open(lab)
  hosts = { stranger: await network.host('stranger'), friend: await network.host('friend') }
  const init = await lab.run(['hub', 'init', ...SITE, '--name', HERE])
  expect(init.code).toBe(0)
  hub = await lab.hub(...SITE, '--listen', '0.0.0.0', '--listen-ws', '0.0.0.0')
  probe = await connectAsync('mqtt://127.0.0.1:1883', { clientId: 'probe', protocolVersion: 4, ...lab.owner })
  await probe.subscribeAsync('observatory/probe/feeds/f')
})
afterAll(async () => {
  await probe?.endAsync(true)
  await lab?.[Symbol.asyncDispose]()
})

/** Resident memory of the hub, MB. */
const rss = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${hub.pid}/status`, 'utf8'))?.[1]) / 1000
const share = (all: readonly number[], part: number) =>
  all.toSorted((a, b) => a - b)[Math.floor(all.length * part)] ?? Number.NaN
const median = (all: readonly number[]) => share(all, 0.5)

/** Round-trip times of some messages, ms. */
async function times(): Promise<number[]> {
  const all: number[] = []
  for (let n = 0; n < ROUNDS; n++) {
    const back = new Promise((resolve) => probe.once('message', resolve))
    const sent = performance.now()
    probe.publish('observatory/probe/feeds/f', '{}')
    await back
    all.push(performance.now() - sent)
    // Spread over more than a second, in which budgets are spent and refilled.
    await seconds(0.005)
  }
  return all
}

/** Attacks from a machine; with the lowest priority, since it would really have its own processor. */
async function attack(from: Host | undefined, kind: string, ...more: string[]): Promise<Running> {
  const command = ['nice', '-n', '19', ...ATTACKER, kind, ...more]
  const running = from ? from.program(kind, command) : lab.program(kind, command)
  await running.says('ready', 30)
  return running
}

/** How much longer a message takes while something runs: medians of phases with and without, in turn. */
async function slower(start: () => Promise<Running[]>): Promise<number> {
  const [quiet, busy]: [number[], number[]] = [[], []]
  for (let phase = 0; phase < PHASES; phase++) {
    quiet.push(...(await times()))
    const attacks = await start()
    await seconds(1)
    busy.push(...(await times()))
    for (const one of attacks) await one.kill()
    await seconds(0.5)
  }
  const [before, during] = [median(quiet), median(busy)]
  const text = (all: readonly number[]) =>
    `${median(all).toFixed(2)} ms (95 %: ${share(all, 0.95).toFixed(2)})`
  figure(`a message there and back: ${text(quiet)}, attacked ${text(busy)}; ${quiet.length} each`)
  return during / before
}

/** Twenty clients of another machine connect, one after the other, with the credentials of an agent. */
async function friends(): Promise<void> {
  const script = `
    const { connectAsync } = await import(${JSON.stringify(import.meta.resolve('mqtt'))})
    const { readFileSync } = await import('node:fs')
    const { principal, token, ca } = JSON.parse(readFileSync(${JSON.stringify(lab.path('state', 'hub', 'credentials', 'ls240.json'))}, 'utf8'))
    for (let n = 0; n < 20; n++) {
      const begun = performance.now()
      await connectAsync('${MQTTS}', { clientId: 'friend' + n, username: principal, password: token, ca, protocolVersion: 4, reconnectPeriod: 250 })
      console.log('in after', Math.round(performance.now() - begun), 'ms')
    }
    console.log('all in')
    process.exit()`
  const running = hosts.friend.program('friends', [OCS[0] ?? '', '-e', script])
  await running.says('all in', 60)
  const took = [...running.text('out').matchAll(/after (\d+)/g)].map(([, ms]) => Number(ms))
  figure(`20 clients of another machine come in: median ${median(took)} ms, at most ${Math.max(...took)} ms`)
  expect(took).toHaveLength(20)
}

test('100 sockets that say nothing, and 100 clients without credentials, each take less than 20 MB', async () => {
  await times()
  for (const [what, port] of [
    ['half-open, TLS', 8883],
    ['half-open, plain', 1883],
  ] as const) {
    const before = rss()
    const sockets: Socket[] = []
    for (let n = 0; n < 100; n++) {
      const socket = connect(port, '127.0.0.1').on('error', () => {})
      await new Promise((resolve) => socket.once('connect', resolve))
      sockets.push(socket)
    }
    await times()
    const grown = rss() - before
    figure(`100 sockets ${what}: ${grown.toFixed(1)} MB`)
    for (const socket of sockets) socket.destroy()
    expect(grown).toBeLessThan(20)
  }
  const before = rss()
  const clients: MqttClient[] = []
  for (let n = 0; n < 100; n++)
    clients.push(await connectAsync('mqtt://127.0.0.1:1883', { clientId: `idle${n}`, protocolVersion: 4 }))
  await times()
  const grown = rss() - before
  figure(`100 clients without credentials: ${grown.toFixed(1)} MB`)
  for (const client of clients) await client.endAsync(true)
  expect(grown).toBeLessThan(20)
})

test('1,100 half-open connections and a flood of log-ins from one machine keep nobody out', async () => {
  const ratio = await slower(async () => [
    await attack(hosts.stranger, 'half-open', HERE, '8883'),
    await attack(hosts.stranger, 'log-ins', HERE, '8883'),
  ])
  const attacks = [
    await attack(hosts.stranger, 'half-open', HERE, '8883'),
    await attack(hosts.stranger, 'log-ins', HERE, '8883'),
  ]
  await hub.says('was cut off before it was accepted', 30)
  await friends()
  for (const one of attacks) await one.kill()
  expect(ratio).toBeLessThanOrEqual(2)
})

test('floods of small messages wait: of an agent elsewhere, and of accounts of this machine', async () => {
  const { token } = JSON.parse(
    readFileSync(lab.path('state', 'hub', 'credentials', 'control.json'), 'utf8'),
  ) as { token: string }
  const start = async () => [
    await attack(hosts.stranger, 'publishes', HERE, '8883', 'control', token),
    await attack(undefined, 'publishes', '127.0.0.1', '1883'),
  ]
  const ratio = await slower(start)
  const attacks = await start()
  await friends()
  await hub.says('clients of control send faster than they are read')
  await hub.says('clients without credentials at loopback send faster than they are read')
  for (const one of attacks) await one.kill()
  expect(ratio).toBeLessThanOrEqual(2)
  await until('the hub has not lost its head', 20, async () => (await times()).length === ROUNDS)
})
