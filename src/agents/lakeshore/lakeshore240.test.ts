import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { atEnd } from '../../../test/closing.ts'
import { ownClock } from '../../../test/own-clock.ts'
import { type Running, startAgent } from '../../../test/running-agent.ts'
import type { Row } from '../../core/channels.ts'
import { sweepOver } from '../../instrument/sweep.ts'
import type { Link } from '../../instrument/transport/link.ts'
import { startLakeshore240 } from '../../simulators/lakeshore240.ts'
import type { Simulator, SimulatorOptions } from '../../simulators/simulator.ts'
import type { Reading } from '../../simulators/truth.ts'
import lakeshore240 from './lakeshore240.ts'
import { type Channel, inOrder, judge, type Module, readingsOf } from './lakeshore240-channels.ts'

const folder = mkdtempSync(join(tmpdir(), 'ls240-'))
afterAll(() => rmSync(folder, { recursive: true }))

const clock = ownClock()
afterAll(() => clock[Symbol.dispose]())

let count = 0
const noRow: Pick<Row, 'data'> = { data: {} }
async function simulate(
  options: Partial<SimulatorOptions> = {},
): Promise<{ module: Simulator; path: string }> {
  const path = join(folder, `LSA21OQ-${count++}`)
  const link = options.tcp === undefined ? { pty: path } : {}
  const module = await startLakeshore240({ serialNumber: 'LSA21OQ', ...link, ...options })
  atEnd(() => module.close())
  return { module, path }
}
async function start(args: Record<string, unknown>): Promise<Running> {
  const agent = await startAgent(lakeshore240, args)
  atEnd(() => agent[Symbol.asyncDispose]())
  return agent
}

test('every reading is the one the module sent; each field has its units', async () => {
  const truth = join(folder, 'truth')
  const { path } = await simulate({ truth })
  const began = Date.now() / 1000
  const agent = await start({ serial_number: 'LSA21OQ', port: relative('.', path), sampling_frequency: 1 })
  await agent.until(() => agent.rows.length === 3)
  const sent = readFileSync(truth, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Reading)
  for (let channel = 1; channel <= 8; channel++) {
    const of = (quantity: string) =>
      sent.filter((one) => one.channel === channel && one.quantity === quantity).map(({ value }) => value)
    expect(agent.column(`Channel_${channel}_V`)).toEqual(of('sensor').slice(0, 3))
    expect(agent.column(`Channel_${channel}_T`)).toEqual(of('kelvin').slice(0, 3))
    expect(of('kelvin').length).toBe(channel === 1 ? 3 : 0)
  }
  const { blocks, frame_length, record } = agent.declared.get('temperatures') ?? {}
  expect([frame_length, record]).toEqual([60, true])
  expect(blocks?.['temps']).toMatchObject({
    Channel_1_T: { type: 'double', units: 'K', description: '4K plate' },
    Channel_1_V: { type: 'double', units: 'V', description: '4K plate' },
    Channel_1_status: { type: 'int' },
    Channel_6_V: { units: 'V', description: 'Diode 6' },
  })
  expect(Object.keys(blocks?.['temps'] ?? {}).length).toBe(6 + 6 + 1)
  const { data, degraded } = agent.session('acq') ?? {}
  expect(degraded).toBe(false)
  expect(data).toMatchObject({
    fields: { Channel_1: { T: expect.any(Number), V: expect.any(Number), status: 0 } },
    connection: { connected: true },
    errors: {},
  })
  // Not at the 2.5 Hz of the default; that no beat is lost is seen in poll.test.ts.
  expect((agent.rows[2]?.t[0] ?? 0) - began).toBeGreaterThan(1.99)
})

test('a cable pulled and put back: readings again', async () => {
  const { module, path } = await simulate()
  const agent = await start({ serial_number: 'LSA21OQ', port: path })
  await agent.until(() => agent.rows.length === 2)
  await module.unplug()
  await agent.until(() => agent.session('acq')?.degraded === true)
  const before = agent.rows.length
  await module.plugIn()
  await agent.until(() => agent.rows.length > before && agent.session('acq')?.degraded === false)
})

test('a module that freezes is degraded before its link is given up', async () => {
  const { module, path } = await simulate()
  const agent = await start({ port: path })
  await agent.until(() => agent.rows.length === 2)
  module.faults.inject({ kind: 'hang' })
  await agent.until(() => agent.session('acq')?.degraded === true)
  expect(agent.log.join('\n')).toContain('nothing has been read for 2.5 s')
  expect(agent.log.join('\n')).not.toContain('trying again')
  module.faults.clear()
  await agent.until(() => agent.session('acq')?.degraded === false)
})

test('settings change while it acquires, and the fields follow', async () => {
  const { path } = await simulate()
  const agent = await start({ port: path })
  await agent.until(() => agent.rows.length === 1)
  const set = await agent.task('set_values', {
    channel: 4,
    units: 3,
    name: 'Cold finger',
    sensor: 3,
    range: 8,
  })
  expect(set).toMatchObject({
    success: true,
    data: { sensor: 3, range: 8, units: 3, unit: 3, name: 'Cold finger' },
  })
  await agent.task('set_values', { channel: 5, enabled: 0 })
  await agent.task('set_values', { channel: 6, unit: 4 })
  const got = await agent.task('get_values', { channel: 6 })
  expect(got.data).toMatchObject({
    channel: 6,
    sensor: 1,
    auto_range: 0,
    range: 0,
    current_reversal: 0,
    unit: 4,
    enabled: 1,
  })
  const fields = () => agent.declared.get('temperatures')?.blocks['temps'] ?? {}
  await agent.until(() => !('Channel_5_V' in fields()))
  expect(fields()['Channel_4_V']).toEqual({
    type: 'double',
    units: 'Ω',
    description: 'Cold finger',
    rhythm: 0.4,
  })
  const last = (agent.rows.at(-1) ?? noRow).data
  // The module says so: a diode where a resistor is expected.
  expect([last['Channel_4_V'], last['Channel_4_status']]).toEqual([['NaN'], [64]])
  expect('Channel_5_V' in last).toBe(false)
  expect(agent.log.join('\n')).not.toContain('left out:')
})

test('what is set up while nothing is read is declared once it is', async () => {
  const { path } = await simulate()
  const agent = await start({ port: path, mode: 'idle' })
  await agent.task('set_values', { channel: 4, sensor: 3, name: 'Cold finger' })
  await agent.act('acq', 'start')
  await agent.until(() => agent.rows.length > 0)
  const fields = agent.declared.get('temperatures')?.blocks['temps'] ?? {}
  expect(fields['Channel_4_V']).toMatchObject({ units: 'Ω', description: 'Cold finger' })
})

test('what the module refuses fails with its reason', async () => {
  const { path } = await simulate()
  const agent = await start({ port: path, mode: 'idle' })
  await agent.until(() => agent.log.some((line) => line.startsWith('idle: ')))
  expect(agent.log).toContain('idle: waiting for: ocs ctrl start --target=it')
  const name = await agent.task('set_values', { channel: 1, name: 'a,b' })
  expect(name.success).toBe(false)
  expect(name.messages.map(([, text]) => text).join()).toContain('without commas')
  expect(agent.task('set_values', { channel: 9 })).rejects.toThrow('channel')
  expect(agent.rows).toEqual([])
  const started = await agent.task('init_lakeshore', { auto_acquire: true })
  expect(started.success).toBe(true)
  expect(started.messages.map(([, text]) => text).join()).toContain('LSA21OQ,1.3: 13 fields are read.')
  await agent.until(() => agent.rows.length > 0)
})

test('a curve is loaded, compared and used', async () => {
  const { path } = await simulate()
  const agent = await start({ port: path })
  await agent.until(() => agent.rows.length === 1)
  const file = join(folder, 'curve.340')
  const points = Array.from(
    { length: 60 },
    (_, i) => `${i + 1}\t${(0.1 + i * 0.03).toFixed(5)}  ${320 - i * 5}.0`,
  )
  const head = [
    'Sensor Model:   DT-670:X',
    'Serial Number:\tD61234 (ours)',
    'Data Format:    2      (Volts/Kelvin)',
    'SetPoint Limit: 325.0   (Kelvin)',
    'Temperature coefficient:  1 (Negative)',
    'Number of Breakpoints:   60',
  ]
  writeFileSync(file, [...head, '', 'No.   Units      Temperature (K)', '', ...points, ''].join('\r\n'))
  const done = await agent.task('upload_cal_curve', { channel: 4, filename: file })
  expect(done).toMatchObject({ success: true, data: { channel: 4, written: 60, compared: 60 } })
  await agent.until(() => typeof agent.rows.at(-1)?.data['Channel_4_T']?.[0] === 'number')
  const { data } = agent.rows.at(-1) ?? noRow
  const volts = Number(data['Channel_4_V']?.[0])
  expect(Number(data['Channel_4_T']?.[0])).toBeCloseTo(320 - ((volts - 0.1) / 0.03) * 5, 1)
  const missing = await agent.task('upload_cal_curve', { channel: 4, filename: `${file}.none` })
  expect(missing.success).toBe(false)
  writeFileSync(file, 'root:$6$hash')
  const wrong = await agent.task('upload_cal_curve', { channel: 4, filename: file })
  const foreign = await agent.task('upload_cal_curve', { channel: 4, filename: '/etc/passwd' })
  expect(JSON.stringify([wrong, foreign])).not.toMatch(/hash|root:/)
  expect([wrong.success, foreign.success]).toEqual([false, false])
})

test('one bad reply costs one channel, not the sweep', async () => {
  const { module, path } = await simulate()
  const agent = await start({ port: path })
  await agent.until(() => agent.rows.length === 1)
  module.faults.inject({ kind: 'garbage' })
  const errors = () => (agent.session('acq')?.data as { errors?: Record<string, number> })?.errors ?? {}
  await agent.until(() => Object.keys(errors()).length > 0)
  const [name] = Object.keys(errors())
  const bad = agent.rows.filter(({ data }) => data[`${name}_status`]?.[0] === -1)
  expect(bad.length).toBe(1)
  const [own, others] = [true, false].map((its) =>
    Object.entries(bad[0]?.data ?? {})
      .filter(([field]) => field.startsWith(`${name}_`) === its)
      .flatMap(([, column]) => column),
  )
  expect(own).toContain('NaN')
  expect(others).not.toContain('NaN')
})

/** One sweep over one calibrated channel of a module that answers so; `meanwhile` is what is set up by its end. */
async function sweepOf(
  answers: Readonly<Record<string, string>>,
  meanwhile: (state: Module) => Module = (state) => state,
): Promise<{ values: Record<string, unknown>; heard: string[]; failed: ReadonlySet<string> }> {
  const type = { sensor: 1, auto_range: 1, range: 0, current_reversal: 0, unit: 1, enabled: 1 }
  const channels = [{ number: 1, name: 'Still', calibrated: true, type }]
  const state = { channels, loading: new Set<number>(), changing: new Set<number>(), since: 0 }
  const heard: string[] = []
  const read = async (command: string, decode: (reply: string) => unknown) => {
    heard.push(command)
    return decode(answers[command] ?? '')
  }
  const link = { read, closed: new AbortController().signal } as unknown as Link
  const { blocks, failed } = await sweepOver(link, inOrder(readingsOf(channels)))
  const values = blocks[0]?.values ?? {}
  judge(values, state, meanwhile(state))
  return { values, heard, failed }
}
const good = { 'RDGST? 1': '000', 'SRDG? 1': '+1.07000', 'KRDG? 1': '+4.20000' }
const shown = (T: number, V: number, status: number) => ({
  Channel_1_T: T,
  Channel_1_V: V,
  Channel_1_status: status,
})

test('the status of a channel is asked first, and again when a reading that is none came with it', async () => {
  const { values, heard } = await sweepOf(good)
  expect([values, heard]).toEqual([shown(4.2, 1.07, 0), ['RDGST? 1', 'SRDG? 1', 'KRDG? 1']])
  const none = await sweepOf({ ...good, 'KRDG? 1': '+0.00000' })
  expect([none.values, none.heard.slice(3)]).toEqual([shown(Number.NaN, 1.07, 0), ['RDGST? 1']])
})

test('a temperature that does not come leaves the sensor reading, and the other way round', async () => {
  const noT = await sweepOf({ ...good, 'KRDG? 1': '' })
  expect([noT.values, [...noT.failed]]).toEqual([shown(Number.NaN, 1.07, -1), ['KRDG? 1']])
  const noV = await sweepOf({ ...good, 'SRDG? 1': '' })
  expect([noV.values, [...noV.failed]]).toEqual([shown(4.2, Number.NaN, -1), ['SRDG? 1']])
  const none = await sweepOf({ ...good, 'RDGST? 1': '' })
  expect([none.values, none.heard]).toEqual([shown(Number.NaN, Number.NaN, -1), ['RDGST? 1']])
})

test('of a channel that is set up anew during a sweep nothing means anything; while its curve is replaced, no temperature', async () => {
  const retyped = await sweepOf(good, (state) => {
    const [channel] = state.channels as [Channel]
    return { ...state, channels: [{ ...channel, type: { ...channel.type, unit: 3 } }] }
  })
  expect(retyped.values).toEqual(shown(Number.NaN, Number.NaN, -1))
  const loading = await sweepOf(good, (state) => ({ ...state, loading: state.loading.add(1) }))
  expect(loading.values).toEqual(shown(Number.NaN, 1.07, 0))
})

test('an open sensor is NaN with its status', async () => {
  const { module, path } = await simulate()
  module.faults.inject({ kind: 'overload', channel: 1 })
  const agent = await start({ port: path })
  await agent.until(() => agent.rows.length === 1)
  const { data } = agent.rows[0] ?? noRow
  expect([data['Channel_1_T'], data['Channel_1_V'], data['Channel_1_status']]).toEqual([
    ['NaN'],
    ['NaN'],
    [64],
  ])
  expect(data['Channel_2_status']).toEqual([0])
})

test('another serial number than the one asked for: degraded, naming both', async () => {
  const { module } = await simulate({ tcp: '127.0.0.1:0' })
  const agent = await start({ serial_number: 'LSA99ZZ', ip_address: module.url.replace('tcp://', '') })
  await agent.until(() => agent.session('acq')?.degraded === true)
  const text = agent
    .session('acq')
    ?.messages.map(([, line]) => line)
    .join('\n')
  expect(text).toContain('serial number LSA21OQ, not LSA99ZZ')
  expect(agent.rows).toEqual([])
})

test('a recorded dialog is as good as a module', async () => {
  const agent = await start({ serial_number: 'LSA21OQ', port: 'replay:fixtures/dialogs/lakeshore240.yaml' })
  await agent.until(() => agent.rows.length === 1)
  expect(agent.rows[0]?.data).toEqual({
    Channel_1_T: [3.8214],
    Channel_1_V: [1.57912],
    Channel_1_status: [0],
    Channel_2_V: [1.02846],
    Channel_2_status: [0],
  })
})

test('without a way to find it the arguments are refused', () => {
  expect(lakeshore240.spec.args.safeParse({}).success).toBe(false)
})
