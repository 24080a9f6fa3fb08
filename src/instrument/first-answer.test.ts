import { afterAll, expect, test } from 'bun:test'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { z } from 'zod'
import { ownClock } from '../../test/own-clock.ts'
import { startAgent } from '../../test/running-agent.ts'
import { startModbus } from '../simulators/modbus-server.ts'
import { startSnmp } from '../simulators/snmp-server.ts'
import { startTable } from '../simulators/table-server.ts'
import { integer } from './codec.ts'
import { defineInstrument } from './define-instrument.ts'
import { whole } from './parts.ts'
import type { Reading } from './table.ts'

const clock = ownClock()
afterAll(() => clock[Symbol.dispose]())

/** An instrument that can be down while the link to it works. */
interface Peer {
  readonly url: string
  down(): unknown
  up(): unknown
  close(): unknown
}
const reading = (command: string): readonly Reading[] => [
  { block: 'n', command, fields: { n: { part: whole(integer), sim: 7 } } },
]
const at = { serialNumber: '1', tcp: '127.0.0.1:0' }
const silenced = (sim: Awaited<ReturnType<typeof startTable>>): Peer => ({
  url: sim.url,
  down: () => sim.faults.inject({ kind: 'hang' }),
  up: () => sim.faults.clear(),
  close: () => sim.close(),
})
const OID = '1.3.6.1.2.1.33.1.1.1.0'

const peers: Readonly<Record<string, { command: string; start(): Promise<Peer> }>> = {
  http: {
    command: 'GET /n',
    start: async () => {
      const serve = (port: number) =>
        Bun.serve({ port, hostname: '127.0.0.1', fetch: () => new Response('7') })
      let server = serve(0)
      const { port } = server
      const down = () => server.stop(true)
      const up = () => {
        server = serve(port ?? 0)
      }
      return { url: `http://127.0.0.1:${port}`, down, up, close: down }
    },
  },
  udp: {
    command: 'N?',
    start: async () => {
      const socket = createSocket('udp4').bind(0, '127.0.0.1')
      await once(socket, 'listening')
      let isUp = true
      socket.on('message', (_, { port, address }) => isUp && socket.send('7\r\n', port, address))
      const set = (now: boolean) => () => {
        isUp = now
      }
      const url = `udp://127.0.0.1:${socket.address().port}`
      return { url, down: set(false), up: set(true), close: () => socket.close() }
    },
  },
  snmp: {
    command: `get ${OID}`,
    start: async () => {
      const sim = await startSnmp(
        { readings: reading(`get ${OID}`) },
        { serialNumber: '1', udp: '127.0.0.1:0' },
      )
      return { url: sim.url, down: () => sim.unplug(), up: () => sim.plugIn(), close: () => sim.close() }
    },
  },
  'modbus behind a gateway': {
    command: 'input 0 1',
    start: async () => silenced(await startModbus({ readings: reading('input 0 1') }, at)),
  },
  'lines behind a server of serial ports': {
    command: 'N?',
    start: async () => silenced(await startTable({ readings: reading('N?') }, at)),
  },
}

/** Links that do not end because of silence. */
const unlosable = { udp: true, 'lines behind a server of serial ports': true }

test.each(Object.keys(peers))('%s: connected again once it answers, and told once', async (kind) => {
  const { command, start } = peers[kind] as (typeof peers)[string]
  const peer = await start()
  let failed = 0
  const waiting = new Set<() => void>()
  const failures = (count: number) =>
    new Promise<void>((resolve) => waiting.add(() => failed >= count && resolve()))
  const declaration = defineInstrument({
    class: 'TestMeter',
    help: 'Reads a number.',
    args: z.object({ address: z.string() }),
    address: ({ address }) => address,
    open: () => ({
      identify: null,
      timeout: 100,
      onExchange: (_, reply) => {
        if (reply instanceof Error) failed++
        for (const check of waiting) check()
      },
    }),
    feed: { name: 'n', help: 'A number.' },
    readings: reading(command),
    acq: { help: 'Read.', rate: () => 20 },
  })
  await using agent = await startAgent(declaration, { address: peer.url })
  const again = () => agent.log.filter((line) => line.includes('the instrument is back'))
  await agent.until(() => agent.rows.length > 1)
  await peer.down()
  // More than two links in a row that are given up for lack of an answer.
  await failures(8)
  expect(again()).toEqual([])
  expect(agent.session('acq')?.degraded).toBe(true)
  const said = agent.log.length
  await failures(failed + 3)
  expect(agent.log.slice(said)).toEqual([])
  const before = agent.rows.length
  await peer.up()
  await agent.until(() => agent.rows.length > before && agent.session('acq')?.degraded === false)
  // A line that was never lost has nothing to report.
  expect(again()).toHaveLength(kind in unlosable ? 0 : 1)
  await peer.close()
})

test.each(['http', 'udp', 'snmp'])('%s: who is asked for by ocs check answers, or not', async (kind) => {
  const { command, start } = peers[kind] as (typeof peers)[string]
  const peer = await start()
  const { spec } = defineInstrument({
    class: 'TestMeter',
    help: 'Reads a number.',
    args: z.object({ address: z.string() }),
    address: ({ address }) => address,
    open: () => ({ identify: null }),
    feed: { name: 'n', help: 'A number.' },
    readings: reading(command),
    acq: { help: 'Read.', rate: () => 20 },
  })
  const asking = { timeout: 100, signal: new AbortController().signal }
  const ask = async () => spec.identify?.({ address: peer.url }, asking)
  expect(await ask()).toBe(`something answers at ${peer.url.replace(/^(udp|snmp):\/\//, '')}`)
  await peer.down()
  await expect(ask()).rejects.toThrow(/refused|no reply|no answer/)
  await peer.close()
})
