import { afterAll, expect, test } from 'bun:test'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import snmp from 'net-snmp'
import { choice, decimal, integer, row } from '../src/instrument/codec.ts'
import { float32, uint16 } from '../src/instrument/modbus-parts.ts'
import { nth, whole } from '../src/instrument/parts.ts'
import type { Register } from '../src/instrument/registers.ts'
import type { Reading } from '../src/instrument/table.ts'
import { openLink } from '../src/instrument/transport/open.ts'
import { startModbus } from '../src/simulators/modbus-server.ts'
import { startBehindPrologix, startTable } from '../src/simulators/table-server.ts'

const folder = mkdtempSync(join(tmpdir(), 'commands-'))
const open: (() => unknown)[] = [() => rmSync(folder, { recursive: true })]
afterAll(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

/** The rows of docs/instruments.md: address, command, reply. */
function documented(): [address: string, command: string, reply: string][] {
  const page = readFileSync(join(import.meta.dir, '../docs/instruments.md'), 'utf8')
  const [, table = ''] = /<!-- table commands -->(.*?)<!-- end -->/s.exec(page) ?? []
  return [...table.matchAll(/^\| `(\w+)` +\| `(.*?)` +\| (?:`(.*?)`|—) +\|/gm)].map(
    ([, address = '', command = '', reply = '']) => [address, command.replaceAll('\\n', '\n'), reply],
  )
}

const unit: Register = {
  name: 'UNIT',
  record: row({ unit: choice(0, 'mbar', 'torr') }),
  initial: { unit: 'mbar' },
}
const words: Register = {
  ...unit,
  record: { decode: (unit) => ({ unit }), encode: (values) => String(values['unit']) },
}
const gauge = {
  identity: 'ACME,GAUGE,{serial},1',
  registers: [words],
  readings: [
    {
      block: 'a',
      command: 'PR?',
      fields: {
        p: { part: { ...whole(decimal), place: (parts: string[]) => void parts.splice(0, 1, '1.2e-5') } },
      },
    },
  ],
}
const bitsOf = (command: string, ...values: number[]): Reading => ({
  block: command,
  command,
  fields: Object.fromEntries(values.map((sim, at) => [`${command} ${at}`, { part: nth(at, integer), sim }])),
})
const registers: readonly Reading[] = [
  { block: 'a', command: 'input 0 2', fields: { T: { part: float32(0, 'ABCD'), sim: 123.45 } } },
  {
    block: 'b',
    command: 'holding 10 2',
    fields: { n: { part: uint16(0), sim: 255 }, m: { part: uint16(1), sim: 0 } },
  },
  bitsOf('coil 0 3', 1, 0, 1),
  bitsOf('discrete 4 2', 0, 1),
]
const written = ['write 10', 'write-coil 0'].map(
  (name): Register => ({ name, record: row({ value: integer }), initial: { value: 0 } }),
)

/** For each kind, the address of a device that answers as documented. */
const addresses: Readonly<Record<string, () => string | Promise<string>>> = {
  tcp: async () => opened(await startTable(gauge, { serialNumber: '1', tcp: '127.0.0.1:0' })).url,
  serial: async () => opened(await startTable(gauge, { serialNumber: '1', pty: join(folder, 'tty') })).url,
  prologix: async () => {
    const { url } = opened(await startBehindPrologix(gauge, { serialNumber: '1', tcp: '127.0.0.1:0' }))
    return `prologix://${new URL(url).host}/5`
  },
  modbus: async () =>
    opened(
      await startModbus(
        { readings: registers, registers: written },
        { serialNumber: '1', tcp: '127.0.0.1:0' },
      ),
    ).url,
  udp: async () => {
    const socket = createSocket('udp4', (bytes, { port }) => {
      const reply = bytes.toString().startsWith('*IDN?') ? 'ACME,GAUGE,1,1' : '1.2e-5'
      socket.send(`${reply}\r\n`, port, '127.0.0.1')
    }).bind(0, '127.0.0.1')
    open.push(() => socket.close())
    await once(socket, 'listening')
    return `udp://127.0.0.1:${socket.address().port}`
  },
  http: () => {
    const server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: async (request) =>
        new Response(
          new URL(request.url).pathname === '/api/status'
            ? '{"temperature":21.5}'
            : `${request.method} ${await request.text()}`.trim(),
        ),
    })
    open.push(() => server.stop(true))
    return `http://127.0.0.1:${server.port}/api`
  },
  snmp: async () => {
    const probe = createSocket('udp4').bind(0, '127.0.0.1')
    await once(probe, 'listening')
    const { port } = probe.address()
    await new Promise<void>((resolve) => probe.close(resolve))
    const agent = snmp.createAgent({ port, address: '127.0.0.1' }, () => {})
    open.push(() => agent.close())
    agent.getAuthorizer().addCommunity('public')
    agent.registerProvider({
      name: 'minutes',
      type: snmp.MibProviderType.Scalar,
      oid: '1.3.6.1.2.1.33.1.2.3',
      scalarType: snmp.ObjectType.Integer,
      maxAccess: snmp.MaxAccess['read-write'],
    } as never)
    agent.getMib().setScalarValue('minutes', 60 as never)
    return `snmp://127.0.0.1:${port}`
  },
  file: () => {
    writeFileSync(join(folder, 'a.log'), '4.1\n4.2\n')
    return `file:${folder}/*.log`
  },
  replay: () => {
    writeFileSync(join(folder, 'dialog.yaml'), '"*IDN?": "ACME,GAUGE,1,1"\n"PR?": "1.2e-5"\n')
    return `replay:${join(folder, 'dialog.yaml')}`
  },
}

function opened<S extends { close(): Promise<void> }>(sim: S): S {
  open.push(() => sim.close())
  return sim
}

test('every transport has its commands documented', () => {
  expect(documented()).toHaveLength(20)
  expect([...new Set(documented().map(([address]) => address))].sort()).toEqual(Object.keys(addresses).sort())
})

for (const [address, start] of Object.entries(addresses))
  test(`${address}: the commands of docs/instruments.md are answered as it says`, async () => {
    const link = await openLink(await start())
    open.push(() => link.close())
    for (const [, command, reply] of documented().filter(([one]) => one === address)) {
      const answer = await link.query(command)
      expect([command, answer.replace(join(folder, 'a.log'), 'FILE')]).toEqual([command, reply])
    }
  })
