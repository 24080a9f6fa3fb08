/**
 * Five hundred clients that come at once and die at once, and peers that never finish a packet: existing
 * clients work on.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { packet } from '../../src/broker/raw-client.test-aid.ts'
import { DemoLab } from './demo-lab.ts'
import { Listener, subscriber } from './listener.ts'
import { figure, Lab, type Running, seconds, until } from './roles.ts'

setDefaultTimeout(400_000)

const CLIENTS = 500
const DRIPS = 200
/** Seconds that an undisturbed reader may wait for a row of 10 Hz, and MB by which the hub may grow. */
const WAIT = 2
const GROWTH = 100
/** MB that peers who have not logged in may take. */
const UNKNOWN_GROWTH = 20

/**
 * Connects all clients at once, each with a last will and a retained message; one in ten watches all the
 * others. With so many, some that wait to be admitted are cut, and reconnect, as MQTT clients do.
 */
const CROWD = `
const { connectAsync } = await import(${JSON.stringify(import.meta.resolve('mqtt'))})
const join = async (n) => {
  const topic = 'observatory/crowd' + n + '/presence'
  const will = { topic, payload: 'gone', qos: 1, retain: true }
  const options = { ...JSON.parse(process.argv[1]), clientId: 'crowd' + n, will, keepalive: 30, protocolVersion: 4, reconnectPeriod: 0 }
  let client
  while (client === undefined) client = await connectAsync('mqtt://127.0.0.1:1883', options, false).catch(() => undefined)
  const everyone = n % 10 === 0 ? ['observatory/+/presence'] : []
  await client.subscribeAsync([...everyone, 'observatory/crowd' + n + '/ops/+/+/+'], { qos: 1 })
  await client.publishAsync(topic, 'here', { qos: 1, retain: true })
}
const began = performance.now()
await Promise.all(Array.from({ length: ${CLIENTS} }, (_, n) => join(n)))
console.log('all in after ' + ((performance.now() - began) / 1000).toFixed(2) + ' s')`

/** A lab with an observed 240 that is read ten times per second. */
async function working(lab: Lab): Promise<{ hub: Running; listener: Listener; agent: Running }> {
  const demo = new DemoLab(lab)
  const hub = await lab.hub()
  const listener = await Listener.open(lab)
  await demo.sim240()
  const agent = demo.ls240(10)
  await listener.next(() => true)
  return { hub, listener, agent }
}

/** Memory of a process, MB. */
function megabytes({ pid }: Running): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) / 1024
}

/** The longest time between two rows since `start`, s; none of them is missing. */
function longestWait({ rows }: Listener, start: number): number {
  const since = rows.filter(({ at }) => at >= start)
  const seqs = since.map(({ row }) => row.seq ?? 0)
  expect(seqs).toEqual(seqs.map((_, i) => (seqs[0] ?? 0) + i))
  return Math.max(...since.slice(1).map(({ at }, i) => at - (since[i]?.at ?? 0))) / 1000
}

test('500 clients come at once and die at once', async () => {
  await using lab = new Lab()
  const { hub, listener, agent } = await working(lab)
  const wills = lab.program('wills', subscriber('heir', 'observatory/+/presence', '%t %p'))
  const before = megabytes(hub)
  const start = performance.now()
  const crowd = lab.program('crowd', [process.execPath, '-e', CROWD, JSON.stringify(lab.owner)], {
    cwd: import.meta.dir,
  })
  const { text } = await crowd.says('all in', 60)
  const full = megabytes(hub)
  await seconds(1)
  const killed = performance.now()
  await crowd.kill()
  const gone = () => wills.lines.filter((line) => line.text.endsWith(' gone')).length
  await until('all last wills', 30, () => gone() === CLIENTS)
  const willed = ((performance.now() - killed) / 1000).toFixed(2)
  await seconds(0.5)
  const wait = longestWait(listener, start)
  figure(
    `${CLIENTS} clients at once: ${text}, the hub from ${before.toFixed(0)} to ${full.toFixed(0)} MB; ` +
      `killed: all last wills after ${willed} s; rows of 10 Hz came at most ${wait.toFixed(2)} s apart`,
  )
  expect(wait).toBeLessThan(WAIT)
  expect(full - before).toBeLessThan(GROWTH)
  expect(await agent.stop()).toMatchObject({ code: 0 })
  expect(await hub.stop()).toMatchObject({ code: 0 })
})

test('peers that drip a CONNECT byte by byte, or say nothing, are cut and delay nobody', async () => {
  await using lab = new Lab()
  const { hub, listener, agent } = await working(lab)
  const before = megabytes(hub)
  const start = performance.now()
  const lives = await Promise.all(Array.from({ length: DRIPS }, (_, n) => drip(n % 4 === 0 ? 0 : 0.1)))
  const grown = megabytes(hub) - before
  const wait = longestWait(listener, start)
  const [least, most] = [Math.min(...lives), Math.max(...lives)]
  figure(
    `${DRIPS} peers without a whole CONNECT: cut after ${least.toFixed(1)} to ${most.toFixed(1)} s, the hub grew by ` +
      `${grown.toFixed(0)} MB; rows of 10 Hz came at most ${wait.toFixed(2)} s apart`,
  )
  expect(least).toBeGreaterThan(4.5)
  expect(most).toBeLessThan(8)
  expect(grown).toBeLessThan(UNKNOWN_GROWTH)
  expect(wait).toBeLessThan(WAIT)
  expect(await agent.stop()).toMatchObject({ code: 0 })
  expect(await hub.stop()).toMatchObject({ code: 0 })
})

/** Connects and sends a byte of a long CONNECT every `pause` s (0: none); returns how long that lasted, s. */
function drip(pause: number): Promise<number> {
  const will = { topic: 'observatory/drip/presence', payload: 'x'.repeat(3000) }
  const bytes = packet.connect('drip', { will })
  return new Promise((resolve) => {
    const began = performance.now()
    const socket = connect({ host: '127.0.0.1', port: 1883 })
    let sent = 0
    const timer =
      pause > 0 ? setInterval(() => socket.write(bytes.subarray(sent, ++sent)), pause * 1000) : undefined
    socket.on('error', () => {})
    socket.on('data', () => {})
    socket.on('close', () => {
      clearInterval(timer)
      resolve((performance.now() - began) / 1000)
    })
  })
}
