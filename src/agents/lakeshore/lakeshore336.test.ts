import { afterAll, expect, test } from 'bun:test'
import { atEnd } from '../../../test/closing.ts'
import { ownClock } from '../../../test/own-clock.ts'
import { type Running, startAgent } from '../../../test/running-agent.ts'
import type { Simulator } from '../../simulators/simulator.ts'
import { startTable } from '../../simulators/table-server.ts'
import lakeshore336, { simulated } from './lakeshore336.ts'

const clock = ownClock()
afterAll(() => clock[Symbol.dispose]())

async function simulate(): Promise<{ sim: Simulator; ip_address: string }> {
  const sim = await startTable(simulated, { serialNumber: 'LSA336X', tcp: '127.0.0.1:0' })
  atEnd(() => sim.close())
  return { sim, ip_address: sim.url }
}
async function start(args: Record<string, unknown>): Promise<Running> {
  const agent = await startAgent(lakeshore336, { f_sample: 10, ...args })
  atEnd(() => agent[Symbol.asyncDispose]())
  return agent
}
const noRow: Running['rows'][number] = { epoch: '', seq: 0, block: '', t: [], data: {} }
const dataOf = (agent: Running) => (agent.session('acq')?.data ?? {}) as Record<string, object>
const said = ({ messages }: { messages: readonly (readonly [number, string])[] }) =>
  messages.map(([, text]) => text).join('\n')
const last = (agent: Running, block: string) => agent.rows.findLast((row) => row.block === block) ?? noRow

test('blocks and fields are those of socs; an input without a curve has no temperature', async () => {
  const { ip_address } = await simulate()
  const agent = await start({ ip_address, serial_number: 'LSA336X' })
  await agent.until(() => agent.rows.length >= 4)
  const { blocks, frame_length } = agent.declared.get('temperatures') ?? {}
  expect(frame_length).toBe(600)
  expect(blocks?.['temperatures']).toMatchObject({
    Channel_A_T: { type: 'double', units: 'K', description: 'Channel A' },
    Channel_A_V: { type: 'double', units: 'V' },
    Channel_A_status: { type: 'int' },
    Channel_D_V: { units: 'V' },
  })
  expect(Object.keys(blocks?.['temperatures'] ?? {})).not.toContain('Channel_D_T')
  expect(last(agent, 'temperatures').data['Channel_B_T']?.[0]).toBeCloseTo(4.2, 1)
  expect(last(agent, 'heaters').data).toMatchObject({
    Heater_1_Percent: [0],
    Heater_1_Range: ['off'],
    Heater_2_Max_Current: [1],
    Heater_2_Setpoint: [4],
  })
  await agent.until(() => 'heaters' in dataOf(agent))
  expect(dataOf(agent)['ls336_fields']).toMatchObject({
    block_name: 'temperatures',
    data: { Channel_A_status: 0 },
  })
})

test('settings are compared with what the instrument has then, while it is read', async () => {
  const { ip_address } = await simulate()
  const agent = await start({ ip_address })
  await agent.until(() => agent.rows.length >= 2)
  const done = await Promise.all([
    agent.task('set_heater_range', { range: 'medium', heater: '1' }),
    agent.task('set_pid', { P: 10, I: 5.5, D: 0 }),
    agent.task('set_manual_out', { percent: 12.5, heater: '1' }),
    agent.task('set_max_current', { current: 0.5 }),
    agent.task('set_T_limit', { T_limit: 30, channel: 'B' }),
    agent.task('set_input_channel', { input: 'D1', heater: '1' }),
  ])
  expect(done.map(({ success }) => success)).toEqual(done.map(() => true))
  const got = await agent.task('get_heater_attribute', { attribute: 'pid' })
  expect(got.data).toEqual({ pid: [10, 5.5, 0] })
  expect((await agent.task('get_channel_attribute', { attribute: 'T_limit', channel: 'B' })).data).toEqual({
    T_limit: 30,
  })
  expect(
    (await agent.task('get_heater_attribute', { attribute: 'input_channel', heater: '1' })).data,
  ).toEqual({
    input_channel: 'D',
  })
  const absent = await agent.task('get_channel_attribute', { attribute: 'units', channel: 'D3' })
  expect([absent.success, said(absent)]).toEqual([false, expect.stringContaining('has no input D3')])
  await agent.until(() => last(agent, 'heaters').data['Heater_1_Percent']?.[0] === 12.5)
  expect(last(agent, 'heaters').data).toMatchObject({
    Heater_1_Range: ['medium'],
    Heater_2_Max_Current: [0.5],
  })
  expect(agent.task('set_pid', { P: 0, I: 1, D: 1 })).rejects.toThrow('P')
})

test('a heater is taken to a temperature; how stable it is wants readings', async () => {
  const { ip_address } = await simulate()
  const agent = await start({ ip_address })
  await agent.until(() => agent.rows.length >= 2)
  await agent.task('set_T_limit', { T_limit: 5, channel: 'B' })
  const beyond = await agent.task('servo_to_temperature', { temperature: 6 })
  expect([beyond.success, said(beyond)]).toEqual([false, expect.stringContaining('limit of 5 K')])
  const servo = await agent.task('servo_to_temperature', { temperature: 4.2, ramp: 2 })
  expect([servo.success, said(servo)]).toEqual([true, expect.anything()])
  expect((await agent.task('get_heater_attribute', { attribute: 'ramp' })).data).toEqual({ ramp: [true, 2] })
  const early = await agent.task('check_temperature_stability', { window: 900 })
  expect(said(early)).toContain('less than 900 s')
  const before = agent.rows.length
  await agent.until(() => agent.rows.length >= before + 4)
  expect(await agent.task('check_temperature_stability', { window: 0.5, threshold: 0.1 })).toMatchObject({
    success: true,
    data: { setpoint: 4.2 },
  })
  expect((await agent.task('check_temperature_stability', { window: 0.5, threshold: 1e-6 })).success).toBe(
    false,
  )
})

test('a lost instrument is come back to; one bad reply costs its own fields', async () => {
  const { sim, ip_address } = await simulate()
  const agent = await start({ ip_address })
  await agent.until(() => agent.rows.length >= 2)
  await sim.unplug()
  await agent.until(() => agent.session('acq')?.degraded === true)
  expect(agent.session('acq')?.data).toMatchObject({ connection: { connected: false } })
  const before = agent.rows.length
  await sim.plugIn()
  await agent.until(() => agent.rows.length > before + 2 && agent.session('acq')?.degraded === false)
  sim.faults.inject({ kind: 'garbage' })
  const failed = () => Object.keys(dataOf(agent)['errors'] ?? {})
  const known = agent.rows.length
  await agent.until(() => failed().length > 0)
  const [command = ''] = failed()
  expect(failed()).toEqual([command])
  const doubtful = agent.rows.slice(known).flatMap(({ data }) => Object.entries(data))
  const bad = doubtful.filter(([, [value]]) => value === 'NaN' || value === -1 || value === 'unknown')
  expect(bad.length).toBeGreaterThan(0)
  expect(bad.length).toBeLessThanOrEqual(4)
})

test('the front panel names fields as with socs, where that is asked for; another serial number is told', async () => {
  const { ip_address } = await simulate()
  const agent = await start({ ip_address, field_names: 'front-panel' })
  await agent.until(() => agent.rows.length >= 2)
  expect(Object.keys(last(agent, 'temperatures').data)).toContain('Channel_A_T')
  const wrong = await start({ ip_address, serial_number: 'LSA0000' })
  await wrong.until(() => wrong.session('acq')?.degraded === true)
  expect(
    wrong
      .session('acq')
      ?.messages.map(([, text]) => text)
      .join(),
  ).toContain('serial number LSA336X, not LSA0000')
})

test('a name on the front panel that makes no field name, or that two inputs have, costs nothing but itself', async () => {
  const names: Record<string, string> = { A: '4K plate', B: 'Still.1', C: 'cold side', D: 'Heater_1' }
  const registers = (simulated.registers ?? []).map((one) =>
    one.name === 'INNAME' ? { ...one, initial: (key: string) => ({ name: names[key] }) } : one,
  )
  const sim = await startTable({ ...simulated, registers }, { serialNumber: 'LSA336X', tcp: '127.0.0.1:0' })
  atEnd(() => sim.close())
  const agent = await start({ ip_address: sim.url, field_names: 'front-panel' })
  await agent.until(() => agent.rows.length >= 2)
  const fields = Object.keys(last(agent, 'temperatures').data).filter((name) => name.endsWith('_V'))
  expect(fields).toEqual(['Channel_A_V', 'Channel_B_V', 'cold_side_V', 'Channel_D_V'])
})
