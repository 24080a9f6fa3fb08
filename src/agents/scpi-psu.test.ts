import { afterAll, afterEach, expect, test } from 'bun:test'
import { ownClock } from '../../test/own-clock.ts'
import { type Running, startAgent } from '../../test/running-agent.ts'
import type { Simulator } from '../simulators/simulator.ts'
import { startBehindPrologix, startTable } from '../simulators/table-server.ts'
import psu, { simulated } from './scpi-psu.ts'

const open: (() => unknown)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

const clock = ownClock()
afterAll(() => clock[Symbol.dispose]())

async function start(
  serve: typeof startBehindPrologix,
  flags: (port: number) => Record<string, unknown>,
): Promise<{ sim: Simulator; agent: Running }> {
  const sim = await serve(simulated, { serialNumber: '9', tcp: '127.0.0.1:0' })
  open.push(() => sim.close())
  const agent = await startAgent(psu, flags(Number(new URL(sim.url).port)))
  open.push(() => agent[Symbol.asyncDispose]())
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
    expect(done.map(({ success }) => success)).toEqual([true, true])
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

test('without a way to reach it the agent says what is missing', async () => {
  const agent = await startAgent(psu, { ip_address: '127.0.0.1' })
  open.push(() => agent[Symbol.asyncDispose]())
  await agent.until(() => agent.log.join('\n').includes('either --port or --gpib-slot is needed'))
})
