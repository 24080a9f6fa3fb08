/**
 * Malformed packets to a real hub, requests to a real bridge, corrupted site files: none ends a process or
 * uses up its memory. The seed is printed; `SEED=…` repeats it, and `FUZZ=1` is the whole size (100,000,
 * 100,000 and 10,000).
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { flood, graphiteRequests, mutatedRequests } from '../../src/bridge/fuzz.test-aid.ts'
import { mutatedPackets } from '../../src/broker/fuzz.test-aid.ts'
import { limits } from '../../src/broker/limits.ts'
import { RawClient } from '../../src/broker/raw-client.test-aid.ts'
import { seeded } from '../random.ts'
import { DemoLab } from './demo-lab.ts'
import { query } from './grafana.ts'
import { Listener } from './listener.ts'
import { figure, Lab, ROOT, type Running, seconds, since } from './roles.ts'

setDefaultTimeout(3_600_000)

const SHARE = Number(process.env['FUZZ'] ?? 0.05)
const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
/**
 * MB that each may take, 49 of them the program itself; the bridge has more garbage at a thousand requests
 * per second.
 */
const MOST = 150
const MOST_BRIDGE = 170
/** Clients at a time, and packets that each sends. */
const CLIENTS = 20
const PACKETS = 8

/** The maximum memory of a process so far, MB. */
function most({ pid }: Running): number {
  return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) / 1024
}

test('malformed MQTT packets over TCP and WebSocket: connections end, the hub does not', async () => {
  await using lab = new Lab()
  const hub = await lab.hub()
  const random = seeded(SEED)
  const count = Math.round(100_000 * SHARE)
  const start = performance.now()
  let sent = 0
  for (let round = 0; sent < count; round++) {
    const clients = Array.from({ length: CLIENTS }, () => {
      const packets = mutatedPackets(random, PACKETS)
      sent += packets.length
      return round % 2 === 0 ? byTcp(packets) : byWebSocket(packets)
    })
    await Promise.all(clients)
    if (round % 50 === 0) await answers(lab)
    // The hub accepts this many connections of an address at once, so the fuzz must not use more.
    if ((round + 2) % Math.floor(limits.address_connects_at_once / CLIENTS) === 0)
      await seconds(limits.address_connects_at_once / limits.address_connects_per_second)
  }
  await answers(lab)
  expect(hub.text()).not.toContain('a second from that address')
  expect(hub.end, hub.tail()).toBeUndefined()
  figure(
    `seed ${SEED}: ${sent} MQTT packets in ${since(start).toFixed(0)} s, 0 crashes, hub ${most(hub).toFixed(0)} MB at most`,
  )
  expect(most(hub)).toBeLessThan(MOST)
  expect(hub.text()).not.toMatch(/^ +at /m)
  expect(await hub.stop()).toMatchObject({ code: 0 })
})

async function byTcp(packets: Buffer[]): Promise<void> {
  const client = new RawClient('mqtt://127.0.0.1:1883')
  client.send(...packets)
  client.socket.end()
  await client.closed
}

function byWebSocket(packets: Buffer[]): Promise<void> {
  return new Promise((resolve) => {
    const client = new WebSocket('ws://127.0.0.1:8001/ws', ['mqtt'])
    client.onclose = () => resolve()
    client.onerror = () => resolve()
    client.onopen = () => {
      for (const packet of packets) client.send(packet)
      client.close()
    }
  })
}

/** Checks that a message of another client still goes through the hub. */
async function answers(lab: Lab): Promise<void> {
  const command = ['mosquitto_sub', '-t', 'observatory/hub', '-C', '1', '-W', '5']
  expect(await lab.program('probe', command, { onLine() {} }).ended()).toMatchObject({ code: 0 })
}

test('mutated HTTP requests of all dialects: never 500, and the bridge answers as before', async () => {
  await using lab = new Lab()
  const demo = new DemoLab(lab)
  await lab.hub()
  await demo.sim240()
  const listener = await Listener.open(lab)
  demo.ls240(10)
  demo.agent('ls240-node')
  demo.agent('sensors')
  const bridge = lab.start('bridge', ['bridge'])
  await bridge.says('listening on')
  await listener.next(() => true)
  await seconds(2)
  const count = Math.round(100_000 * SHARE)
  const start = performance.now()
  const url = 'http://127.0.0.1:5000'
  const all = await flood(url, Math.round(0.7 * count), mutatedRequests(seeded(SEED)))
  const graphite = await flood(url, Math.round(0.3 * count), graphiteRequests(seeded(SEED + 1)))
  const statuses = [...new Set([...Object.keys(all), ...Object.keys(graphite)])]
  const told = statuses.map((status) => `${(all[+status] ?? 0) + (graphite[+status] ?? 0)} × ${status}`)
  figure(
    `seed ${SEED}: ${count} HTTP requests in ${since(start).toFixed(0)} s: ${told.join(', ')}; ` +
      `0 crashes, bridge ${most(bridge).toFixed(0)} MB at most`,
  )
  expect(statuses.filter((status) => Number(status) >= 500)).toEqual([])
  expect(bridge.end, bridge.tail()).toBeUndefined()
  const [curve] = await query(['LSA21OQ::Channel_1_T'])
  expect(curve?.datapoints.length).toBeGreaterThan(5)
  expect(most(bridge)).toBeLessThan(MOST_BRIDGE)
  expect(bridge.text()).not.toMatch(/^ +at /m)
  expect(await bridge.stop()).toMatchObject({ code: 0 })
})

test('spoilt site files: read, or refused with their place', async () => {
  await using lab = new Lab()
  const count = Math.round(10_000 * SHARE)
  const script = join(ROOT, 'test', 'real', 'spoilt-sites.ts')
  const start = performance.now()
  const loader = lab.program('loader', [process.execPath, script, `${count}`, `${SEED}`, lab.dir], {
    cwd: ROOT,
  })
  const { code } = await loader.ended(3600)
  expect(code, loader.tail()).toBe(0)
  const [told = '', kilobytes = ''] = loader.text('out').split('; ')
  const held = Number(kilobytes) / 1024
  figure(
    `seed ${SEED}: ${count} site files in ${since(start).toFixed(0)} s: ${told}, 0 crashes, ${held.toFixed(0)} MB at most`,
  )
  expect(held).toBeLessThan(MOST)
})
