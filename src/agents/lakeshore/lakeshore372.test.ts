import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { atEnd } from '../../../test/closing.ts'
import { ownClock } from '../../../test/own-clock.ts'
import { type Running, startAgent } from '../../../test/running-agent.ts'
import { OpError } from '../../core/errors.ts'
import { openLine } from '../../instrument/transport/open.ts'
import { serve } from '../../instrument/transport/server.test-aid.ts'
import { startLakeshore372 } from '../../simulators/lakeshore372.ts'
import type { Simulator, SimulatorOptions } from '../../simulators/simulator.ts'
import type { Reading } from '../../simulators/truth.ts'
import lakeshore372 from './lakeshore372.ts'
import { parseConfig } from './lakeshore372-configfile.ts'
import { blocksOf } from './lakeshore372-scan.ts'
import { codeOf, excitations, heaterRanges, resistanceRanges, stepOf } from './lakeshore372-settings.ts'

const folder = mkdtempSync(join(tmpdir(), 'ls372-'))
afterAll(() => rmSync(folder, { recursive: true }))

const clock = ownClock()
afterAll(() => clock[Symbol.dispose]())

async function simulate(options: Partial<SimulatorOptions> = {}): Promise<Simulator> {
  const simulator = await startLakeshore372({ serialNumber: 'LSA22YG', tcp: '127.0.0.1:0', ...options })
  atEnd(() => simulator.close())
  return simulator
}
async function start(url: string, args: Record<string, unknown> = {}): Promise<Running> {
  const agent = await startAgent(lakeshore372, { ip_address: url.replace('tcp://', ''), ...args })
  atEnd(() => agent[Symbol.asyncDispose]())
  return agent
}
test('bad replies while it takes stock cost questions, not the connection', async () => {
  const simulator = await simulate()
  simulator.faults.inject({ kind: 'garbage' }, { times: 5, chance: 0.2 })
  const agent = await start(simulator.url)
  await agent.until(() => agent.rows.length > 0)
  expect(agent.log.filter((line) => line.includes('trying again'))).toEqual([])
})

const messages = (agent: Running, op: string): string =>
  (agent.session(op)?.messages ?? []).map(([, text]) => text).join('\n')

test('the scanner is followed: only settled readings are published, and few others asked for, each of its channel; the control input all the while', async () => {
  const truth = join(folder, 'truth')
  // The instrument's clock is put forward by the test, so that a channel stays for as long as the agent needs.
  let ahead = 0
  let began = 0
  const now = () => {
    began ||= Date.now() / 1000
    return Date.now() / 1000 + ahead
  }
  const { url } = await simulate({ truth, now })
  const [pause, dwell] = [3, 200]
  const line = await openLine(url)
  for (const channel of [1, 2]) await line.send(`INSET ${channel},1,${dwell},${pause},21,1`)
  await line.close()
  const agent = await start(url, { serial_number: 'LSA22YG', enable_control_chan: true, sample_heater: true })
  const readings = (block: string) => agent.rows.filter((row) => row.block === block)
  await agent.until(() => readings('Channel_01').length >= 5)
  const switched = Date.now() / 1000
  ahead = pause + dwell - (switched - began) + 0.001
  await agent.until(() => readings('Channel_02').length >= 5)
  type Sent = Reading & { t: number }
  const lines = readFileSync(truth, 'utf8').trim().split('\n')
  const sent = lines.map((text) => JSON.parse(text) as Sent)
  for (const channel of [1, 2, 'A'] as const) {
    const block = channel === 'A' ? 'control_chan' : `Channel_0${channel}`
    const field = channel === 'A' ? 'control' : block
    const of = (quantity: string) =>
      sent.filter((one) => one.channel === channel && one.quantity === quantity).map(({ value }) => value)
    const mine = readings(block)
    expect(mine.length).toBeGreaterThan(4)
    // While a channel settles, for 3 s, it is looked at once a second.
    expect(of('sensor').length - mine.length).toBeLessThan(7)
    for (const { data } of mine) {
      expect(of('sensor')).toContain(data[`${field}_R`]?.[0] as number)
      expect(of('kelvin')).toContain(data[`${field}_T`]?.[0] as number)
      expect(data[`${field}_status`]).toEqual([0])
    }
  }
  // What a channel repeats while it settles is never published, nor anything of one that has been left.
  const times = (block: string) => readings(block).map(({ t }) => t[0] ?? 0)
  const slack = 0.05
  expect(Math.min(...times('Channel_01'))).toBeGreaterThan(began + pause - slack)
  expect(Math.min(...times('Channel_02'))).toBeGreaterThan(switched + pause - slack)
  expect(switched).toBeGreaterThanOrEqual(Math.max(...times('Channel_01')))
  expect(agent.column('sample_heater_output').length).toBeGreaterThan(10)
  const { blocks, frame_length } = agent.declared.get('temperatures') ?? {}
  expect(frame_length).toBe(600)
  expect(blocks).toMatchObject({
    Channel_01: {
      Channel_01_T: { type: 'double', units: 'K', description: '50K plate' },
      Channel_01_R: { units: 'Ω' },
      Channel_01_status: { type: 'int' },
    },
    control_chan: { control_T: { units: 'K' }, control_R: { units: 'Ω' } },
    heaters: { sample_heater_output: { units: '%' } },
  })
  expect(Object.keys(blocks?.['Channel_14'] ?? {})).toEqual(['Channel_14_R', 'Channel_14_status'])
  expect(blocks).not.toHaveProperty('Channel_16')
  expect(agent.session('acq')?.data).toMatchObject({
    fields: {
      Channel_01: { T: expect.any(Number), R: expect.any(Number), timestamp: expect.any(Number) },
      control: {},
    },
  })
})

test('settings go both ways, while it acquires', async () => {
  const { url } = await simulate()
  const agent = await start(url, { enable_control_chan: true })
  await agent.until(() => agent.rows.length > 0)
  const done = async (op: string, params: Record<string, unknown> = {}) => {
    const { success, data } = await agent.task(op, params)
    expect([op, success, messages(agent, op)]).toEqual([op, true, expect.any(String)])
    return data
  }
  await done('set_autoscan', { autoscan: false })
  await done('set_active_channel', { channel: 5 })
  await done('set_dwell', { channel: 5, dwell: 33 })
  expect(await done('get_dwell', { channel: 5 })).toEqual({ dwell_time: 33 })
  await done('set_excitation_mode', { channel: 5, mode: 'current' })
  expect(await done('set_excitation', { channel: 5, value: 3e-9 })).toEqual({ excitation: 3.16e-9 })
  expect(await done('get_excitation', { channel: 5 })).toEqual({ excitation: 3.16e-9 })
  await done('engage_autorange', { channel: 5, state: 'off' })
  expect(await done('set_resistance_range', { channel: 5, resistance_range: 1800 })).toEqual({
    resistance_range: 2000,
  })
  expect(await done('get_resistance_range', { channel: 5 })).toEqual({ resistance_range: 2000 })
  expect(await done('get_input_setup', { channel: 5 })).toEqual({
    mode: 'current',
    excitation: 3.16e-9,
    excitation_units: 'amps',
    autorange: 'off',
    range: 2000,
    csshunt: 'on',
    units: 'kelvin',
  })
  await done('engage_channel', { channel: 16, state: 'on' })
  await done('set_calibration_curve', { channel: 14, curve_number: 25 })
  await done('set_calibration_curve', { channel: 0, curve_number: 37 })
  await done('set_pid', { P: 40, I: 2.5, D: 0 })
  await done('set_output_mode', { heater: 'sample', mode: 'Open Loop' })
  await done('set_heater_range', { heater: 'sample', range: 0.001 })
  await done('set_heater_output', { heater: 'sample', output: 25, display: 'current' })
  await done('set_heater_range', { heater: 'still', range: 'On' })
  await done('set_heater_range', { heater: 'sample', range: 'off' })
  await done('set_still_output', { output: 12.5 })
  expect(await done('get_still_output')).toEqual({ still_heater_still_out: 12.5 })
  await done('init_lakeshore', { force: true })
  expect([agent.column('sample_heater_out'), agent.column('still_heater_still_out')]).toEqual([[25], [12.5]])
  await done('disable_control_chan')
  expect((await agent.task('set_heater_range', { heater: 'sample', range: 'on' })).success).toBe(false)
  await done('set_active_channel', { channel: 14 })
  await agent.until(() => agent.column('Channel_14_T').length > 0)
  expect(agent.declared.get('temperatures')?.blocks).toHaveProperty('Channel_16')
  expect(agent.log.join('\n')).not.toContain('left out:')
})

test('a temperature is controlled: the loop is set up, and whether it holds is told', async () => {
  const { url } = await simulate({ startAt: 1 })
  const agent = await start(url, { mode: 'idle' })
  await agent.task('set_pid', { P: 500, I: 50, D: 0 })
  await agent.task('set_heater_range', { heater: 'sample', range: 0.01 })
  const servo = await agent.task('servo_to_temperature', { temperature: 0.2 })
  expect(servo).toMatchObject({ success: true, data: { setpoint: 0.2, input: '6' } })
  const far = await agent.task('check_temperature_stability', { measurements: 3, threshold: 1e-6 })
  expect(far).toMatchObject({ success: false, data: { setpoint: 0.2, mean: expect.any(Number) } })
  expect(messages(agent, 'check_temperature_stability')).toContain('from the set-point of 0.2 K')
  const near = await agent.task('check_temperature_stability', { measurements: 3, threshold: 1 })
  expect(near.success).toBe(true)
  expect(agent.task('servo_to_temperature', { temperature: 4 })).rejects.toThrow('temperature')
})

test('named by front panel: blocks and fields as socs has them; by channel where that makes no name of its own', async () => {
  const { url } = await simulate({ startAt: 1 })
  const setUp = await start(url, { mode: 'idle' })
  await setUp.task('set_autoscan', { autoscan: false })
  await setUp[Symbol.asyncDispose]()
  const line = await openLine(url)
  atEnd(() => line.close())
  for (const [channel, name] of Object.entries({
    1: 'Still RuOx',
    2: 'MC',
    3: 'MC',
    4: '50K plate',
    5: 'Channel 06',
  }))
    await line.send(`INNAME ${channel},"${name}"`)
  const agent = await start(url, { field_names: 'front-panel' })
  await agent.until(() => agent.rows.length > 0)
  const blocks = agent.declared.get('temperatures')?.blocks ?? {}
  expect(Object.keys(blocks['Still RuOx'] ?? {})).toEqual([
    'Still_RuOx_T',
    'Still_RuOx_R',
    'Still_RuOx_status',
  ])
  for (const name of ['Channel_02', 'Channel_03', 'Channel_04', 'Channel_05', 'control_chan'])
    expect(blocks).toHaveProperty(name)
  expect(blocks).not.toHaveProperty('MC')
  expect(agent.rows[0]).toMatchObject({ block: 'Still RuOx', data: { Still_RuOx_T: [expect.any(Number)] } })
  const data = () => agent.session('acq')?.data as { fields?: object } | undefined
  await agent.until(() => Object.keys(data()?.fields ?? {}).includes('Still_RuOx'))
})

const settings = (channel: object) =>
  JSON.stringify({ LSA22YG: { device_settings: { autoscan: 'off' }, channel } })

test('a file of settings sets channels up, at the start or by a task', async () => {
  const file = join(folder, 'settings.yaml')
  writeFileSync(
    file,
    `LSA22YG:
  device_settings: {autoscan: 'off'}
  channel:
    3: {enable: 'on', autorange: 'off', resistance_range: 2e3, excitation_mode: voltage, excitation_value: 2e-5,
        dwell: 12, pause: 4, calibration_curve_num: 0, temperature_coeff: positive}
    4: {autorange: on, resistance_range: 2e3}
`,
  )
  const { url } = await simulate()
  const agent = await start(url, { configfile: file })
  await agent.until(() => agent.session('input_configfile')?.success === true)
  expect(messages(agent, 'input_configfile')).toContain('2 channels are set up by')
  const line = await openLine(url)
  atEnd(() => line.close())
  expect(await line.query('SCAN?')).toMatch(/,0$/)
  expect(await line.query('INSET? 3')).toBe('1,012,004,00,2')
  expect(await line.query('INTYPE? 3')).toMatch(/^0,03,0,13,/)
  expect(await line.query('INTYPE? 4')).toMatch(/^0,\d\d,1,/)
  writeFileSync(file, settings({ 3: { dwell: 20 } }))
  expect((await agent.task('input_configfile', { configfile: file })).success).toBe(true)
  expect(await line.query('INSET? 3')).toBe('1,020,004,00,2')
})

test('a file of settings with faults changes nothing, and names them all', async () => {
  const fails = (text: string) => {
    try {
      parseConfig('x.yaml', text, 'LSA22YG')
    } catch (error) {
      return error instanceof OpError ? error.message : String(error)
    }
    return 'none'
  }
  expect(fails(settings({ 3: { dwel: 12, pause: 1 }, 17: {} }))).toBe(
    'x.yaml: channel 3: pause: Too small: expected number to be >=3, given 1; channel 3: there is no parameter "dwel": did you mean "dwell"?; channel 17: a channel is 1 to 16, or A',
  )
  expect(fails('LSA22YG: {devise_settings: {}}')).toContain('did you mean "device_settings"?')
  expect(fails('OTHER: {}')).toBe('x.yaml: has nothing for serial number LSA22YG (it has: OTHER)')
  expect(fails('a: [')).toContain('x.yaml: is not YAML: ')
  const { url } = await simulate()
  const agent = await start(url, { mode: 'idle' })
  expect((await agent.task('input_configfile', { configfile: '/nowhere.yaml' })).success).toBe(false)
  expect(messages(agent, 'input_configfile')).toContain(
    '/nowhere.yaml is not a readable file of at most 1 MiB in',
  )
  expect((await agent.task('input_configfile')).success).toBe(false)
  const file = join(folder, 'secret.yaml')
  writeFileSync(file, 'root: "$6$hash"')
  expect((await agent.task('input_configfile', { configfile: file })).success).toBe(false)
  expect(messages(agent, 'input_configfile')).toContain('is not valid: the agent')
  expect(messages(agent, 'input_configfile')).not.toContain('it has: root')
})

test('what the instrument passes over in silence fails, and says what it keeps', async () => {
  const { url } = await simulate()
  const agent = await start(url, { mode: 'idle' })
  expect((await agent.task('set_active_channel', { channel: 16 })).success).toBe(false)
  expect(messages(agent, 'set_active_channel')).toContain('the instrument keeps channel 1 instead of 16')
  expect(agent.rows).toEqual([])
})

test('an overloaded resistance is NaN with its status, and so is its temperature', async () => {
  const simulator = await simulate()
  simulator.faults.inject({ kind: 'overload', channel: 'A' })
  const agent = await start(simulator.url, { enable_control_chan: true })
  await agent.until(() => agent.rows.length > 0)
  expect(agent.rows[0]?.data).toEqual({ control_T: ['NaN'], control_R: ['NaN'], control_status: [3] })
})

test('a lost connection is made again; the control input stays as it was chosen', async () => {
  const simulator = await simulate()
  const agent = await start(simulator.url)
  await agent.task('enable_control_chan')
  await agent.until(() => agent.rows.length > 0)
  await simulator.unplug()
  await agent.until(() => agent.session('acq')?.degraded === true)
  const before = agent.rows.length
  await simulator.plugIn()
  await agent.until(() => agent.rows.length > before && agent.session('acq')?.degraded === false)
})

test('another serial number than the one asked for: degraded, naming both', async () => {
  const { url } = await simulate()
  const agent = await start(url, { serial_number: 'LSA99ZZ' })
  await agent.until(() => agent.session('acq')?.degraded === true)
  expect(messages(agent, 'acq')).toContain('serial number LSA22YG, not LSA99ZZ')
})

const fixed = {
  '*IDN?': 'LSCI,MODEL372,LSA22YG,1.3',
  'SCAN?': '03,0',
  'HTRSET? 0': '+120.000,8,+0000.00,2',
  'RDGK? 3': '+104.250E-03',
  'RDGR? 3': '+450.000E+01',
  'RDGST? 3': '000',
}
/** What one answers whose channel 3 is connected. */
function answering(own: Readonly<Record<string, string>> = {}) {
  const replies: Readonly<Record<string, string>> = { ...fixed, ...own }
  return (command: string): string | undefined => {
    if (command.startsWith('INSET?')) return `${command.endsWith(' 3') ? 1 : 0},010,003,21,1`
    return command.startsWith('INNAME?') ? 'Plate          ' : replies[command]
  }
}

test('one that does not understand chained commands is asked one by one', async () => {
  const answer = answering()
  const server = await serve((command) => {
    const reply = answer(command)
    return reply && `${reply}\r\n`
  })
  atEnd(() => server.close())
  const agent = await start(server.url, { dwell_time_delay: 0 })
  await agent.until(() => agent.rows.length > 0)
  expect(agent.rows[0]).toMatchObject({
    block: 'Channel_03',
    data: { Channel_03_T: [0.10425], Channel_03_R: [4500], Channel_03_status: [0] },
  })
  expect(agent.declared.get('temperatures')?.blocks['heaters']?.['sample_heater_output']?.units).toBe('W')
})

/** One whose channel 3 is connected; the reply at a place of a chain of five is another. */
async function withBad(bad: { place: number; reply: string }, own = {}): Promise<string> {
  const answer = answering(own)
  const server = await serve((line) => {
    const parts = line.split(';').map(answer)
    if (parts.length === 5) parts[bad.place] = bad.reply
    return parts.every((part) => part !== undefined) ? `${parts.join(';')}\r\n` : undefined
  })
  atEnd(() => server.close())
  return server.url
}

test.each([
  [0, {}],
  [1, { Channel_03_T: ['NaN'] }],
  [2, { Channel_03_R: ['NaN'] }],
  [3, { Channel_03_status: [-1] }],
  [4, {}],
])(
  'a bad value at place %p of a chained reply costs itself alone, and is told once',
  async (place, changed) => {
    const good = { Channel_03_T: [0.10425], Channel_03_R: [4500], Channel_03_status: [0] }
    const bad = { place, reply: ['03,0', '+104.250E-03', '+450.000E+01', '000', '03,0'][place] ?? '' }
    const agent = await start(await withBad(bad), { dwell_time_delay: 0 })
    await agent.until(() => agent.rows.length > 0)
    expect(agent.rows[0]?.data).toEqual(good)
    bad.reply = '+1.2.3E'
    const errors = () => (agent.session('acq')?.data as { errors?: number } | undefined)?.errors ?? 0
    const before = agent.rows.length
    await agent.until(() => errors() > 1 && agent.rows.length > before + 1)
    expect(agent.rows.at(-1)?.data).toEqual({ ...good, ...changed })
    expect(agent.log.filter((line) => line.includes('"+1.2.3E"'))).toHaveLength(1)
    expect(agent.session('acq')?.degraded).toBe(false)
  },
)

test('what an instrument has no value of it sends as 0: without its status that is none', async () => {
  const none = { 'RDGK? 3': '+000.000E+00', 'RDGR? 3': '+000.000E+00' }
  const agent = await start(await withBad({ place: 3, reply: '' }, none), { dwell_time_delay: 0 })
  await agent.until(() => agent.rows.length > 0)
  expect(agent.rows[0]?.data).toEqual({
    Channel_03_T: ['NaN'],
    Channel_03_R: ['NaN'],
    Channel_03_status: [-1],
  })
})

test('a recorded dialog is as good as an instrument', async () => {
  const agent = await start('replay:fixtures/dialogs/lakeshore372.yaml', { serial_number: 'LSA22YG' })
  const { success } = await agent.task('get_dwell', { channel: 6 })
  expect([success, agent.session('get_dwell')?.data]).toEqual([true, { dwell_time: 10 }])
  await agent.until(() => agent.rows.length > 0)
  expect(agent.rows[0]).toMatchObject({
    block: 'Channel_06',
    data: { Channel_06_T: [0.10425], Channel_06_R: [4521.33], Channel_06_status: [0] },
  })
})

test('a scanned channel has the rhythm of the way round, one that is alone and the control input their own', () => {
  const input = (enabled: boolean, dwell: number) => {
    return { name: '', setup: { enabled, dwell, pause: 3, curve: 1, tempco: 1 } }
  }
  const blocks = (second: boolean) =>
    blocksOf({
      inputs: new Map([
        ['1', input(true, 10)],
        ['2', input(second, 20)],
        ['A', input(true, 5)],
      ]),
      naming: 'channel',
      heaterUnits: '%',
    })
  const both = blocks(true)
  expect(both['Channel_01']?.['Channel_01_T']).toMatchObject({ rhythm: 36, resolution: 1e-5 })
  expect(both['Channel_02']?.['Channel_02_status']?.rhythm).toBe(36)
  expect(both['control_chan']?.['control_R']?.rhythm).toBe(0.1)
  expect(blocks(false)['Channel_01']?.['Channel_01_R']?.rhythm).toBe(0.1)
})

test('steps are those of the manual, and the nearest is taken', () => {
  expect([1, 2, 12].map((code) => stepOf(excitations.voltage, code))).toEqual([2e-6, 6.32e-6, 0.632])
  expect([1, 22].map((code) => stepOf(excitations.current, code))).toEqual([1e-12, 0.0316])
  expect([1, 6].map((code) => stepOf(excitations.control, code))).toEqual([3.16e-10, 1e-7])
  expect([1, 22].map((code) => stepOf(resistanceRanges, code))).toEqual([2e-3, 63.2e6])
  expect([1, 8].map((code) => stepOf(heaterRanges, code))).toEqual([31.6e-6, 0.1])
  for (let code = 1; code <= 22; code++) {
    expect(codeOf(resistanceRanges, stepOf(resistanceRanges, code))).toBe(code)
  }
  expect([codeOf(resistanceRanges, 1e-9), codeOf(resistanceRanges, 1e12)]).toEqual([1, 22])
})
