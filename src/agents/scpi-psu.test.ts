import { afterAll, expect, test } from 'bun:test'
import { atEnd } from '../../test/closing.ts'
import { ownClock } from '../../test/own-clock.ts'
import { type Running, startAgent } from '../../test/running-agent.ts'
import { type FakeInstrument, serve as serveLines } from '../instrument/transport/server.test-aid.ts'
import type { Simulator } from '../simulators/simulator.ts'
import { startBehindPrologix, startTable } from '../simulators/table-server.ts'
import psu, { simulated } from './scpi-psu.ts'
import { measured } from './scpi-psu-form.ts'

const clock = ownClock()
afterAll(() => clock[Symbol.dispose]())

async function start(
  serve: typeof startBehindPrologix,
  flags: (port: number) => Record<string, unknown>,
): Promise<{ sim: Simulator; agent: Running }> {
  const sim = await serve(simulated, { serialNumber: '9', tcp: '127.0.0.1:0' })
  atEnd(() => sim.close())
  const agent = await startAgent(psu, flags(Number(new URL(sim.url).port)))
  atEnd(() => agent[Symbol.asyncDispose]())
  await agent.until(() => agent.rows.length > 0)
  return { sim, agent }
}

for (const [way, serve, flags] of [
  ['Ethernet', startTable, (port: number) => ({ ip_address: '127.0.0.1', port })],
  ['GPIB', startBehindPrologix, (port: number) => ({ ip_address: `prologix://127.0.0.1:${port}/5` })],
] as const)
  test(`by ${way}: channels are switched, set and measured; what is off is NaN`, async () => {
    const { sim, agent } = await start(serve, flags)
    expect(agent.rows[0]?.data).toMatchObject({ Output_1: [0], Voltage_1: ['NaN'], Current_3: ['NaN'] })
    const off = await agent.task('get_voltage', { channel: 2 })
    expect([off.success, off.messages.map(([, text]) => text).join()]).toEqual([
      false,
      expect.stringContaining('channel 2 is off'),
    ])
    expect((await agent.task('set_voltage', { channel: 1, volts: 3 })).success).toBe(true)
    const done = await Promise.all([
      agent.task('set_voltage', { channel: 2, volts: 12.5 }),
      agent.task('set_current', { channel: 2, current: 0.5 }),
    ])
    expect(done.filter(({ success }) => !success)).toEqual([])
    expect((await agent.task('set_output', { channel: 2, state: true })).success).toBe(true)
    expect((await agent.task('get_voltage', { channel: 2 })).data).toMatchObject({
      channel: 2,
      voltage: 12.5,
    })
    expect((await agent.task('get_output', { channel: 1 })).data).toMatchObject({ channel: 1, state: 0 })
    await agent.until(() => agent.rows.at(-1)?.data['Voltage_2']?.[0] === 12.5)
    expect(agent.rows.at(-1)?.data).toMatchObject({ Output_2: [1], Current_2: [0.125], Voltage_1: ['NaN'] })
    expect(agent.declared.get('psu_output')?.blocks['output']).toMatchObject({ Voltage_3: { units: 'V' } })
    await sim.unplug()
    await agent.until(() => agent.session('monitor_output')?.degraded === true)
    const before = agent.rows.length
    await sim.plugIn()
    await agent.until(() => agent.rows.length > before && agent.session('monitor_output')?.degraded === false)
  })

test('what is set is limited by the arguments of the instance, or else by the supply alone', async () => {
  const to = (max: object) => start(startTable, (port) => ({ ip_address: '127.0.0.1', port, ...max }))
  const { agent: limited } = await to({ max_volts: 60, max_current: 2 })
  expect((await limited.task('set_voltage', { channel: 1, volts: 60 })).success).toBe(true)
  const high = await limited.task('set_voltage', { channel: 1, volts: 60.5 })
  expect([high.success, high.messages.map(([, text]) => text).join()]).toEqual([
    false,
    expect.stringContaining('60.5 V is above the 60 V that --max-volts'),
  ])
  expect((await limited.task('set_current', { channel: 1, current: 2.1 })).success).toBe(false)
  const { agent: free } = await to({})
  expect((await free.task('set_voltage', { channel: 1, volts: 80 })).success).toBe(true)
})

test('without a way to reach it the agent says what is missing', async () => {
  const agent = await startAgent(psu, { ip_address: '127.0.0.1' })
  atEnd(() => agent[Symbol.asyncDispose]())
  await agent.until(() => agent.log.join('\n').includes('either --port or --gpib-slot is needed'))
})

/** A supply that answers these and nothing else. */
async function supply(
  replies: Readonly<Record<string, string>>,
  flags: Record<string, unknown> = {},
): Promise<{ it: FakeInstrument; agent: Running }> {
  let chosen = '1'
  const channels = replies['channels']
  const it = await serveLines((line) => {
    const [, wanted] = /^INST:NSEL (\d)$/.exec(line) ?? []
    if (wanted && Number(wanted) <= Number(channels)) chosen = wanted
    if (line === 'INST:NSEL?' && channels) return `${chosen}\n`
    return replies[line] && `${replies[line]}\n`
  })
  atEnd(() => it.close())
  const agent = await startAgent(psu, { ip_address: it.url, ...flags })
  atEnd(() => agent[Symbol.asyncDispose]())
  return { it, agent }
}
const single = {
  '*IDN?': 'Maker,2260B-80-13,1,1.0',
  'OUTP:STAT?': '1',
  'MEAS:VOLT?': '+12.001',
  'MEAS:CURR?': '+0.1502',
}

test('a supply of an unknown model with one channel is found out', async () => {
  const { agent } = await supply(single)
  await agent.until(() => agent.rows.length > 0)
  expect(agent.rows[0]?.data).toEqual({ Output_1: [1], Voltage_1: [12.001], Current_1: [0.1502] })
  expect(agent.log.join('\n')).toContain('unknown model; channels: 1')
  expect(agent.session('monitor_output')?.degraded).toBe(false)
})

test('one with three channels that does not know CHAN:OUTP, too; nothing is tried that is told', async () => {
  const three = { ...single, channels: '3', 'OUTP:STAT?': 'ON' }
  const { agent } = await supply(three)
  await agent.until(() => agent.rows.length > 0)
  expect(Object.keys(agent.rows[0]?.data ?? {})).toHaveLength(9)
  expect(agent.rows[0]?.data).toMatchObject({ Voltage_3: [12.001], Current_2: [0.1502] })
  const told = await supply({ ...single, channels: '3' }, { channels: 2 })
  await told.agent.until(() => told.agent.rows.length > 0)
  expect(Object.keys(told.agent.rows[0]?.data ?? {})).toHaveLength(6)
  expect(told.it.heard).not.toContain('INST:NSEL?')
})

test('one that answers nothing of that is degraded, with what to do about it', async () => {
  const { agent } = await supply({ '*IDN?': single['*IDN?'] })
  await agent.until(() => agent.session('monitor_output')?.degraded === true)
  expect(agent.rows).toEqual([])
  expect(agent.log.join('\n')).toContain('say how many channels it has: --channels')
})

test('one of which nothing can be read any more is degraded, and nothing is published', async () => {
  const replies: Record<string, string> = { ...single }
  const { agent } = await supply(replies)
  await agent.until(() => agent.rows.length > 0)
  delete replies['OUTP:STAT?']
  await agent.until(() => agent.session('monitor_output')?.degraded === true)
  expect(agent.column('Output_1')).not.toContain(-1)
  replies['OUTP:STAT?'] = '1'
  await agent.until(() => agent.session('monitor_output')?.degraded === false)
})

test.each([
  ['+1.2E+01', 12],
  ['+0.1A,+1.5V,+3.2s', 1.5],
  ['1.5V', 1.5],
  ['1,5', undefined],
  ['1,5V', undefined],
  ['1.5A', undefined],
  ['+9.91E+37', undefined],
  ['9.9E37', undefined],
  ['', undefined],
])('a voltage of %p is %p', (reply, value) => {
  if (value === undefined) expect(() => measured('V').decode(reply)).toThrow()
  else expect(measured('V').decode(reply)).toBe(value)
})
