import { afterAll, expect, test } from 'bun:test'
import { atEnd } from '../../test/closing.ts'
import { ownClock } from '../../test/own-clock.ts'
import { type Running, startAgent } from '../../test/running-agent.ts'
import { text } from '../instrument/codec.ts'
import { whole } from '../instrument/parts.ts'
import type { SimulatedInstrument } from '../instrument/table.ts'
import type { Simulator } from '../simulators/simulator.ts'
import { startSnmp } from '../simulators/snmp-server.ts'
import ups, { simulated } from './ups.ts'

const clock = ownClock()
afterAll(() => clock[Symbol.dispose]())

async function start(
  table: SimulatedInstrument = simulated,
  args: Record<string, unknown> = {},
): Promise<{ sim: Simulator; agent: Running }> {
  const sim = await startSnmp(table, { serialNumber: '1', udp: '127.0.0.1:0' })
  atEnd(() => sim.close())
  const agent = await startAgent(ups, { address: '127.0.0.1', port: Number(new URL(sim.url).port), ...args })
  atEnd(() => agent[Symbol.asyncDispose]())
  await agent.until(() => agent.rows.length >= 3)
  return { sim, agent }
}

test('blocks and fields of socs, with units; the data of the session has values and words', async () => {
  const { agent } = await start()
  const rows = Object.fromEntries(agent.rows.map(({ block, data }) => [block, data]))
  expect(Object.keys(rows)).toEqual(['ups', 'input_0', 'output_0'])
  expect(rows['ups']).toMatchObject({
    upsIdentManufacturer_0: ['Falcon'],
    upsIdentModel_0_description: ['SSG3KRM-2'],
    upsBatteryStatus_0: [2],
    upsBatteryStatus_0_description: ['batteryNormal'],
    upsOutputSource_0_description: ['normal'],
    upsBatteryVoltage_0: [1200],
  })
  expect(rows['input_0']).toMatchObject({ upsInputVoltage_1: [120], upsInputVoltage_1_description: ['120'] })
  expect(rows['output_0']).toMatchObject({ upsOutputPercentLoad_1: [36] })
  expect(agent.declared.get('ups')?.blocks['ups']).toMatchObject({
    upsBatteryTemperature_0: { type: 'double', units: '°C' },
    upsBatteryStatus_0: { type: 'int' },
  })
  await agent.until(() => agent.session('acq')?.data !== undefined && 'upsBatteryStatus_0' in dataOf(agent))
  expect(dataOf(agent)).toMatchObject({
    upsBatteryStatus_0: { status: 2, description: 'batteryNormal' },
    ups_connection: { connected: true },
  })
})

const dataOf = (agent: Running) => (agent.session('acq')?.data ?? {}) as Record<string, unknown>

test('an object that the UPS lacks, or that is disabled, is left out', async () => {
  const lacks = { readings: simulated.readings.filter(({ command }) => !command.endsWith('.33.1.2.7.0')) }
  const { agent } = await start(lacks, { disabled_oids: ['upsBatteryCurrent'], snmp_version: '2' })
  const fields = Object.keys(agent.rows[0]?.data ?? {})
  expect(fields).toContain('upsBatteryVoltage_0')
  expect(fields.join()).not.toMatch(/upsBattery(Temperature|Current)/)
  expect(agent.log.join('\n')).toContain('it has no upsBatteryTemperature_0: skipped')
})

test('a UPS that falls silent is come back to', async () => {
  const { sim, agent } = await start(simulated, { period: 0.5 })
  await sim.unplug()
  await agent.until(
    () => agent.session('acq')?.degraded === true && agent.log.join().includes('(trying again)'),
  )
  const connection = () => dataOf(agent)['ups_connection'] as { connected: boolean }
  await agent.until(() => !connection().connected)
  const before = agent.rows.length
  await sim.plugIn()
  await agent.until(() => agent.rows.length > before && agent.session('acq')?.degraded === false)
})

const without = (...oids: RegExp[]): SimulatedInstrument => ({
  readings: simulated.readings.filter(({ command }) => !oids.some((oid) => oid.test(command))),
})

test('a UPS that does not say how many lines it has is read, with the lines that are found or with none', async () => {
  const lines = /\.33\.1\.(3\.2|4\.3)\.0$/
  const { agent } = await start(without(lines))
  expect(Object.keys(agent.declared.get('ups')?.blocks ?? {})).toEqual(['ups', 'input_0', 'output_0'])
  expect(
    agent.log.filter((line) => line.includes('it does not report how many lines it has: trying 3')),
  ).toHaveLength(1)
  const small = await startSmall(without(lines, /\.33\.1\.(3\.3|4\.4)\.1/))
  expect(Object.keys(small.declared.get('ups')?.blocks ?? {})).toEqual(['ups'])
  expect(small.rows[0]?.data).toMatchObject({
    upsBatteryStatus_0: [2],
    upsOutputSource_0_description: ['normal'],
  })
})

async function startSmall(table: SimulatedInstrument): Promise<Running> {
  const sim = await startSnmp(table, { serialNumber: '1', udp: '127.0.0.1:0' })
  atEnd(() => sim.close())
  const agent = await startAgent(ups, { address: '127.0.0.1', port: Number(new URL(sim.url).port) })
  atEnd(() => agent[Symbol.asyncDispose]())
  await agent.until(() => agent.rows.length > 0)
  return agent
}

/** A UPS whose management card has empty text for what it does not know. */
const emptyOf = (field: string): SimulatedInstrument => ({
  readings: simulated.readings.map((one) =>
    field in one.fields ? { ...one, fields: { [field]: { part: whole(text(9)), sim: '' } } } : one,
  ),
})

test.each([
  ['upsBatteryTemperature_0', 'NaN', 1],
  ['upsBatteryStatus_0', -1, 1],
  ['upsIdentModel_0', '', 0],
] as const)(
  '%s without a value costs itself',
  async (field, unread, told) => {
    const agent = await startSmall(emptyOf(field))
    expect(agent.rows[0]?.data).toMatchObject({
      [field]: [unread],
      [`${field}_description`]: [''],
      upsBatteryVoltage_0: [1200],
      upsEstimatedChargeRemaining_0: [100],
    })
    await agent.until(() => agent.session('acq')?.data !== undefined)
    expect(agent.log.filter((line) => line.includes(`${field}: expected `))).toHaveLength(told)
    expect(agent.session('acq')?.degraded).toBe(false)
  },
  20_000,
)
