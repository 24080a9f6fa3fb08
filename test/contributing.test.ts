import { afterAll, expect, test } from 'bun:test'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { TransportError } from '../src/core/errors.ts'
import { defineInstrument } from '../src/instrument/define-instrument.ts'
import { uint16 } from '../src/instrument/modbus-parts.ts'
import type { Part } from '../src/instrument/parts.ts'
import type { Setting, SimulatedInstrument } from '../src/instrument/table.ts'
import { openLink } from '../src/instrument/transport/open.ts'
import { startModbus } from '../src/simulators/modbus-server.ts'
import { startTable } from '../src/simulators/table-server.ts'
import { ownClock } from './own-clock.ts'
import { startAgent } from './running-agent.ts'

const ROOT = join(import.meta.dir, '..')
// Beneath node_modules, where zod is found and no check looks.
const folder = join(ROOT, 'node_modules', '.contributing')
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The code blocks of a kind in a page, in order, without indentation. */
function code(kind: string, file = 'CONTRIBUTING.md'): string[] {
  const page = readFileSync(join(ROOT, file), 'utf8')
  const fences = page.matchAll(new RegExp(`^ *\`\`\`${kind}\\n(.*?)^ *\`\`\``, 'gms'))
  return [...fences].map(([, body = '']) => body.replaceAll(/^ {3}/gm, ''))
}

test('the instrument of CONTRIBUTING works as written: with its dialog, and with its simulator', async () => {
  using _ = ownClock()
  const [declaration = ''] = code('ts')
  const [dialog = ''] = code('yaml')
  expect(declaration.trim().split('\n').length).toBeLessThanOrEqual(60)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'gauge.ts'), declaration.replaceAll("'../", `'${ROOT}/src/`))
  writeFileSync(join(folder, 'gauge.yaml'), dialog)
  const gauge = (await import(join(folder, 'gauge.ts'))) as {
    default: unknown
    simulated: SimulatedInstrument
  }
  {
    await using recorded = await startAgent(gauge.default, { address: `replay:${folder}/gauge.yaml` })
    await recorded.until(() => recorded.rows.length > 0)
    expect(recorded.column('pressure')).toEqual([1.2e-5])
  }
  const sim = await startTable(gauge.simulated, { serialNumber: '0042', tcp: '127.0.0.1:0' })
  await using agent = await startAgent(gauge.default, { address: sim.url })
  await agent.until(() => agent.rows.length > 0)
  expect(Number(agent.column('pressure')[0])).toBeCloseTo(1e-5, 6)
  expect(await agent.task('set_unit', { unit: 'torr' })).toMatchObject({
    success: true,
    data: { unit: 'torr' },
  })
  await sim.close()
})

test('the instrument of docs/instruments.md works as written: its units follow a setting', async () => {
  using _ = ownClock()
  const [declaration = ''] = code('ts', 'docs/instruments.md')
  // With its imports, which are the same as in CONTRIBUTING.
  expect(declaration.trim().split('\n').length).toBeLessThanOrEqual(75)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'gaussmeter.ts'), declaration.replaceAll("'../", `'${ROOT}/src/`))
  const gaussmeter = (await import(join(folder, 'gaussmeter.ts'))) as {
    default: unknown
    simulated: SimulatedInstrument
  }
  const sim = await startTable(gaussmeter.simulated, { serialNumber: 'LSA1', tcp: '127.0.0.1:0' })
  await using agent = await startAgent(gaussmeter.default, { port: sim.url, sampling_frequency: 10 })
  const unitShown = () => agent.declared.get('mag_field')?.blocks['mag_field']?.['mag_field']?.units
  await agent.until(() => agent.rows.length > 0)
  expect(unitShown()).toBe('G')
  expect(await agent.task('set_unit', { unit: 'T' })).toMatchObject({ success: true, data: { unit: 'T' } })
  await agent.until(() => unitShown() === 'T')
  expect(await agent.task('set_mode', { mode: 'RMS' })).toMatchObject({
    success: true,
    data: { mode: 'RMS', filter: 'wide', band: 'wide' },
  })
  expect((await agent.task('zero_calibration')).success).toBe(true)
  await sim.close()
})

test('the cell and the part of one’s own in docs/instruments.md work as written, both ways', async () => {
  const example = code('ts', 'docs/instruments.md').find((text) => text.includes('cell(')) ?? ''
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'parts.ts'), example)
  const { readings } = (await import(join(folder, 'parts.ts'))) as Pick<SimulatedInstrument, 'readings'>
  const fields = readings[0]?.fields ?? {}
  const [status, pressure] = [fields['status']?.part, fields['pressure']?.part] as Part[]
  expect(status?.decode('1;+1.20E-05 mbar')).toBe(1)
  expect(pressure?.decode('1;+1.20E-05 mbar')).toBe(1.2e-5)
  for (const reply of ['1,+1.20E-05 mbar', '1;+1.20E-05 torr', '1;nan mbar', '1;1,2e-5 mbar', ''])
    expect(() => pressure?.decode(reply)).toThrow(TransportError)
  const sim = await startTable({ readings }, { serialNumber: '1', tcp: '127.0.0.1:0' })
  const link = await openLink(sim.url, { identify: null })
  expect(await link.query('PR1')).toMatch(/^0;1\.\d+e-5 mbar$|^0;0\.0000\d+ mbar$/)
  await link.close()
  await sim.close()
})

test('the Modbus setting of docs/instruments.md works as written, and no other register is written', async () => {
  using _ = ownClock()
  const example = code('ts', 'docs/instruments.md').find((text) => text.includes('words(')) ?? ''
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'setting.ts'), example)
  const { settings } = (await import(join(folder, 'setting.ts'))) as { settings: readonly Setting[] }
  const readings = [{ block: 'n', command: 'input 0 1', fields: { n: { part: uint16(0), sim: 7 } } }]
  const registers = settings.map(({ register }) => register)
  const sim = await startModbus({ readings, registers }, { serialNumber: '1', tcp: '127.0.0.1:0' })
  const declaration = defineInstrument({
    class: 'TestBath',
    help: 'A bath.',
    args: z.object({ address: z.string() }),
    address: ({ address }) => address,
    feed: { name: 'n', help: 'A number.' },
    readings,
    acq: { help: 'Read.', rate: () => 20 },
    settings,
  })
  await using agent = await startAgent(declaration, { address: sim.url })
  const set = await agent.task('set_setpoint', { setpoint: -20.3 })
  expect(set).toMatchObject({ success: true, data: { setpoint: -20.3 } })
  const link = await openLink(sim.url)
  expect(await link.query('holding 10 1')).toBe('65333')
  await expect(link.send('write 11 1')).rejects.toThrow(/exception 2/i)
  await link.close()
  await sim.close()
})
