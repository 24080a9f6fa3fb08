import { afterAll, expect, test } from 'bun:test'
import { z } from 'zod'
import { ownClock } from '../../test/own-clock.ts'
import { startAgent } from '../../test/running-agent.ts'
import { startModbus } from '../simulators/modbus-server.ts'
import { flag, text } from './codec.ts'
import { defineInstrument } from './define-instrument.ts'
import { bits, uint16 } from './modbus-parts.ts'
import { json } from './parts.ts'
import type { Reading, ReadingField } from './table.ts'

const clock = ownClock()
afterAll(() => clock[Symbol.dispose]())

const reads = (command: string, fields: Readonly<Record<string, ReadingField>>) => {
  const readings: readonly Reading[] = [{ block: 'state', command, fields }]
  const declaration = defineInstrument({
    class: 'TestSwitch',
    help: 'Reads switches.',
    args: z.object({ address: z.string() }),
    address: ({ address }) => address,
    open: () => ({ identify: null }),
    feed: { name: 'state', help: 'What is on.' },
    readings,
    acq: { help: 'Read.', rate: () => 20 },
  })
  return { readings, declaration }
}

test('bits of a Modbus register are truth values; a number that is none is not read, and told', async () => {
  const { readings, declaration } = reads('holding 0 2', {
    on: { type: 'bool', unread: false, part: bits(0, 3), sim: 1 },
    off: { type: 'bool', unread: true, part: bits(0, 4), sim: 0 },
    odd: { type: 'bool', unread: false, part: uint16(1), sim: 2 },
  })
  const sim = await startModbus({ readings }, { serialNumber: '1', tcp: '127.0.0.1:0' })
  await using agent = await startAgent(declaration, { address: sim.url })
  await agent.until(() => agent.rows.length > 0)
  expect(agent.rows[0]?.data).toEqual({ on: [true], off: [false], odd: [false] })
  expect(agent.log.filter((line) => line.includes('odd: 2 is neither true nor false (1, 0)'))).toHaveLength(1)
  await sim.close()
})

test('truth values of JSON, by whatever cell they are read', async () => {
  const body = '{"on": true, "off": false, "one": 1, "word": "true", "part": 0.5, "mode": "on"}'
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response(body) })
  const { declaration } = reads('GET /', {
    on: { type: 'bool', unread: false, part: json('$.on') },
    off: { type: 'bool', unread: true, part: json('$.off') },
    one: { type: 'bool', unread: false, part: json('$.one') },
    flag: { type: 'bool', unread: false, part: json('$.on', flag) },
    word: { type: 'bool', unread: false, part: json('$.word', text(8)) },
    part: { type: 'bool', unread: true, part: json('$.part') },
    mode: { type: 'bool', unread: true, part: json('$.mode', text(8)) },
  })
  await using agent = await startAgent(declaration, { address: `http://127.0.0.1:${server.port}` })
  await agent.until(() => agent.rows.length > 0)
  expect(agent.rows[0]?.data).toEqual({
    ...{ on: [true], off: [false], one: [true], flag: [true], word: [true] },
    ...{ part: [true], mode: [true] },
  })
  const told = agent.log.filter((line) => line.includes('is neither true nor false'))
  expect(told.map((line) => /(\w+): \S+ is/.exec(line)?.[1])).toEqual(['part', 'mode'])
  await server.stop(true)
})
