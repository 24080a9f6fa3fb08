import { afterAll, expect, test } from 'bun:test'
import { atEnd } from '../../test/closing.ts'
import { ownClock } from '../../test/own-clock.ts'
import { type Running, startAgent } from '../../test/running-agent.ts'
import { startModbus } from '../simulators/modbus-server.ts'
import type { Simulator } from '../simulators/simulator.ts'
import cryomech, { simulated } from './cryomech-cpa.ts'

const clock = ownClock()
afterAll(() => clock[Symbol.dispose]())

async function start(): Promise<{ sim: Simulator; agent: Running }> {
  const sim = await startModbus(simulated, { serialNumber: 'x', tcp: '127.0.0.1:0' })
  atEnd(() => sim.close())
  const agent = await startAgent(cryomech, { ip_address: sim.url, f_sample: 20, serial_number: 'CPA1114' })
  atEnd(() => agent[Symbol.asyncDispose]())
  await agent.until(() => agent.rows.length > 0)
  return { sim, agent }
}

test('one block with the names of socs; units are those the compressor has', async () => {
  const { agent } = await start()
  const { blocks, frame_length } = agent.declared.get('ptc_status') ?? {}
  expect(frame_length).toBe(60)
  expect(blocks?.['ptc_status']).toMatchObject({
    Operating_State: { type: 'int' },
    Coolant_In_Temp: { type: 'double', units: '°C' },
    High_Pressure: { units: 'psi' },
    Motor_Current: { units: 'A' },
  })
  expect(Object.keys(blocks?.['ptc_status'] ?? {}).length).toBe(17)
  const data: Record<string, unknown[]> = agent.rows[0]?.data ?? {}
  expect(data).toMatchObject({
    Operating_State: [3],
    Compressor_State: [1],
    Alarm_State: [0],
    Temperature_Unit: [1],
  })
  expect(data['Helium_Temp']?.[0]).toBeCloseTo(69, -1)
  expect(data['Hours_of_Operation']).toEqual([8765])
  expect(agent.log.join('\n')).toContain(
    'compressor model 17_1, serial number 1234, software 2.3; its label is CPA1114',
  )
})

test('it is switched, and followed until it is', async () => {
  const { agent } = await start()
  expect(await agent.task('power_ptc', { state: 'off' })).toMatchObject({
    success: true,
    data: { state: 'off', Operating_State: 0 },
  })
  await agent.until(() => agent.rows.at(-1)?.data['Motor_Current']?.[0] === 0)
  expect((await agent.task('power_ptc', { state: 'on' })).success).toBe(true)
})

test('a failed device costs a sweep, a silent one its time-out, a lost one is connected to again', async () => {
  const { sim, agent } = await start()
  sim.faults.inject({ kind: 'garbage' })
  await agent.until(() => agent.session('acq')?.degraded === true)
  await agent.until(() => agent.session('acq')?.degraded === false)
  sim.faults.inject({ kind: 'missing' })
  await agent.until(() => agent.session('acq')?.degraded === true)
  await agent.until(() => agent.session('acq')?.degraded === false)
  await sim.unplug()
  await agent.until(() => agent.session('acq')?.degraded === true)
  const before = agent.rows.length
  await sim.plugIn()
  await agent.until(() => agent.rows.length > before && agent.session('acq')?.degraded === false)
  sim.faults.inject({ kind: 'hang' })
  await agent.until(() => agent.log.join('\n').includes('no reply in 2000 ms (trying again)'))
  sim.faults.clear()
  await agent.until(() => agent.session('acq')?.degraded === false)
})

test('no warning and no alarm are minus zero as the compressor sends them, and a number here; one with a fraction costs itself', async () => {
  const { sim, agent } = await start()
  sim.faults.inject({ kind: 'value', field: 'Warning_State', value: '-0' })
  sim.faults.inject({ kind: 'value', field: 'Alarm_State', value: '-8' })
  await agent.until(() => agent.rows.at(-1)?.data['Alarm_State']?.[0] === -8)
  expect(Object.is(agent.rows.at(-1)?.data['Warning_State']?.[0], 0)).toBe(true)
  sim.faults.inject({ kind: 'value', field: 'Alarm_State', value: '1.5' })
  await agent.until(() => agent.rows.at(-1)?.data['Alarm_State']?.[0] === 1)
  expect(agent.rows.at(-1)?.data).toMatchObject({ Operating_State: [3], Hours_of_Operation: [8765] })
  expect(agent.log.filter((line) => line.includes('1.5 is not a whole number'))).toHaveLength(1)
  expect(agent.session('acq')?.degraded).toBe(false)
})
