import { afterAll, afterEach, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ownClock } from '../../test/own-clock.ts'
import { startAgent } from '../../test/running-agent.ts'
import { startBluefors } from '../simulators/bluefors.ts'
import bluefors from './bluefors.ts'
import { parseLine } from './bluefors-logs.ts'

const top = mkdtempSync(join(tmpdir(), 'bluefors-'))
afterAll(() => rmSync(top, { recursive: true }))
const open: (() => unknown)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

const clock = ownClock()
afterAll(() => clock[Symbol.dispose]())

test('lines are taken apart by their log', () => {
  const at = new Date(2021, 4, 27, 0, 0, 30).getTime() / 1000
  expect(parseLine('/x/CH6 T 21-05-27.log', '27-05-21,00:00:30,1.02e-02')).toMatchObject({
    block: 'lakeshore_ch6_t',
    time: at,
    values: { lakeshore_ch6_t: 0.0102 },
    fields: { lakeshore_ch6_t: { units: 'K' } },
  })
  const pressures = parseLine(
    'maxigauge 21-05-27.log',
    '27-05-21,00:00:30,CH1,P1 ,1, 4.37e-05,0,1,CH2,P2,0,2.0e-02,1,1,',
  )
  expect(pressures?.values).toEqual({
    pressure_ch1_state: 1,
    pressure_ch1: 4.37e-5,
    pressure_ch2_state: 0,
    pressure_ch2: 0.02,
  })
  expect(parseLine('Channels 21-05-27.log', '27-05-21,00:00:30,1,v11,0,v1,1,hs-still,0')?.values).toEqual({
    v11: 0,
    v1: 1,
    hs_still: 0,
  })
  // socs takes a1_r_htr for htr.
  expect(parseLine('heaters 21-05-27.log', '27-05-21,00:00:30,a1_r_htr,120.0,htr,1.5')?.values['htr']).toBe(
    1.5,
  )
  expect(parseLine('Errors 21-05-27.log', 'whatever')).toBeUndefined()
  expect(() => parseLine('Flowmeter 21-05-27.log', '27-05-21,00:00:30,abc')).toThrow('not a line of this log')
})

test('each new line is published with its own time; a folder that goes and comes back, and noise, cost nothing more', async () => {
  const dir = join(top, 'logs')
  const sim = await startBluefors({ serialNumber: '1', dir }, 300)
  open.push(() => sim.close())
  const agent = await startAgent(bluefors, { log_directory: dir })
  open.push(() => agent[Symbol.asyncDispose]())
  await agent.until(() => agent.rows.length >= 16)
  const blocks = agent.declared.get('bluefors')?.blocks ?? {}
  expect(Object.keys(blocks).sort()).toEqual([
    'channels',
    'flowmeter',
    'heaters',
    'lakeshore_ch1_t',
    'lakeshore_ch6_r',
    'lakeshore_ch6_t',
    'maxigauge',
    'status',
  ])
  expect(blocks['maxigauge']).toMatchObject({
    pressure_ch2: { units: 'mbar' },
    pressure_ch2_state: { type: 'int' },
  })
  const inLogs = [...new Bun.Glob('**/*.log').scanSync({ cwd: dir, absolute: true })].flatMap((path) =>
    readFileSync(path, 'utf8')
      .trim()
      .split('\n')
      .map((line) => parseLine(path, line)?.time),
  )
  for (const { t } of agent.rows) expect(inLogs).toContain(t[0])
  // All fields were known from what stood in the logs.
  expect(agent.log.join('\n')).not.toContain('a new epoch begins')
  sim.faults.inject({ kind: 'garbage' })
  await agent.until(() => agent.log.join('\n').includes('not a line of this log'))
  await sim.unplug()
  renameSync(dir, `${dir}-away`)
  await agent.until(() => agent.session('acq')?.degraded === true)
  renameSync(`${dir}-away`, dir)
  await sim.plugIn()
  const before = agent.rows.length
  await agent.until(() => agent.rows.length > before && agent.session('acq')?.degraded === false)
  expect(agent.log.join('\n')).not.toContain('stepped back')
})
