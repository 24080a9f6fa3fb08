import { afterAll, beforeAll, expect, test } from 'bun:test'
import { UNHURRIED_MS } from '../../test/turns-clock.ts'
import { integer, row } from '../instrument/codec.ts'
import { int16, scaled, uint16, words } from '../instrument/modbus-parts.ts'
import { change, type Register, recall } from '../instrument/registers.ts'
import type { Link } from '../instrument/transport/link.ts'
import { openLink } from '../instrument/transport/open.ts'
import { startModbus } from './modbus-server.ts'
import type { Simulator } from './simulator.ts'

const setpoint: Register = {
  name: 'write 10',
  query: 'holding 10 1',
  record: row({ setpoint: integer }),
  initial: { setpoint: 7 },
}
const offset: Register<{ offset: number }> = {
  name: 'write 20',
  query: 'holding 20 1',
  record: words({ offset: scaled(int16(0), 0.1) }),
  initial: { offset: -1.5 },
}
let sim: Simulator
let link: Link
beforeAll(async () => {
  const fields = { n: { part: uint16(0), sim: 1 } }
  const readings = [{ block: 'a', command: 'holding 0 2', fields }]
  sim = await startModbus(
    { readings, registers: [setpoint, offset as never] },
    { serialNumber: '1', tcp: '127.0.0.1:0' },
  )
  link = await openLink(sim.url, { timeout: UNHURRIED_MS })
})
afterAll(async () => {
  await link.close()
  await sim.close()
})

test('a register that is declared is written, and read back', async () => {
  expect(await link.query('holding 10 1')).toBe('7')
  await link.send('write 10 42')
  expect(await link.query('holding 10 1')).toBe('42')
})

test.each(['write 0 5', 'write 11 5', 'write-coil 0 1'])(
  '%s: no such register to be written is refused',
  async (command) => {
    await expect(link.send(command)).rejects.toThrow(/exception 2/i)
  },
)

test('a setting with a sign and a scale is set and compared in its units', async () => {
  expect(await recall(link, offset)).toEqual({ offset: -1.5 })
  expect(await change(link, offset, '', { offset: -20.3 })).toEqual({ offset: -20.3 })
  expect(await link.query('holding 20 1')).toBe('65333')
})
