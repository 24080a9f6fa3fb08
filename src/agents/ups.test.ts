import { afterAll, afterEach, expect, test } from 'bun:test'
import { ownClock } from '../../test/own-clock.ts'
import { type Running, startAgent } from '../../test/running-agent.ts'
import type { SimulatedInstrument } from '../instrument/table.ts'
import type { Simulator } from '../simulators/simulator.ts'
import { startSnmp } from '../simulators/snmp-server.ts'
import ups, { simulated } from './ups.ts'

const open: (() => unknown)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

const clock = ownClock()
afterAll(() => clock[Symbol.dispose]())

async function start(
  table: SimulatedInstrument = simulated,
  args: Record<string, unknown> = {},
): Promise<{ sim: Simulator; agent: Running }> {
  const sim = await startSnmp(table, { serialNumber: '1', udp: '127.0.0.1:0' })
  open.push(() => sim.close())
  const agent = await startAgent(ups, { address: '127.0.0.1', port: Number(new URL(sim.url).port), ...args })
  open.push(() => agent[Symbol.asyncDispose]())
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
    upsBatteryTemperature_0: { type: 'int', units: '°C' },
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
  expect(agent.log.join('\n')).toContain('it has no upsBatteryTemperature_0: left out')
})

test('a UPS that falls silent is come back to', async () => {
  const { sim, agent } = await start(simulated, { period: 0.5 })
  await sim.unplug()
  await agent.until(
    () => agent.session('acq')?.degraded === true && agent.log.join().includes('(trying again)'),
  )
  expect(dataOf(agent)).toMatchObject({ ups_connection: { connected: false } })
  const before = agent.rows.length
  await sim.plugIn()
  await agent.until(() => agent.rows.length > before && agent.session('acq')?.degraded === false)
})
