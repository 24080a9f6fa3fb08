import { afterAll, expect, test } from 'bun:test'
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { atEnd } from '../../test/closing.ts'
import { ownClock } from '../../test/own-clock.ts'
import { startAgent } from '../../test/running-agent.ts'
import { startBluefors } from '../simulators/bluefors.ts'
import bluefors from './bluefors.ts'
import { parseLine } from './bluefors-logs.ts'

const top = mkdtempSync(join(tmpdir(), 'bluefors-'))
afterAll(() => rmSync(top, { recursive: true }))

const clock = ownClock()
afterAll(() => clock[Symbol.dispose]())

const lineOf = (path: string, line: string) => parseLine(path, line).line
const textsOf = (path: string, line: string) => parseLine(path, line).faults.map(({ text }) => text)

test('lines are taken apart by their log', () => {
  const at = new Date(2021, 4, 27, 0, 0, 30).getTime() / 1000
  expect(lineOf('/x/CH6 T 21-05-27.log', '27-05-21,00:00:30,1.02e-02')).toMatchObject({
    block: 'lakeshore_ch6_t',
    time: at,
    values: { lakeshore_ch6_t: 0.0102 },
    fields: { lakeshore_ch6_t: { units: 'K' } },
  })
  const pressures = '27-05-21,00:00:30,CH1,P1 ,1, 4.37e-05,0,1,CH2,P2,0,2.0e-02,1,1,'
  expect(lineOf('maxigauge 21-05-27.log', pressures)?.values).toEqual({
    pressure_ch1_state: 1,
    pressure_ch1: 4.37e-5,
    pressure_ch2_state: 0,
    pressure_ch2: 0.02,
  })
  expect(lineOf('Channels 21-05-27.log', '27-05-21,00:00:30,1,v11,0,v1,1,hs-still,0')?.values).toEqual({
    v11: 0,
    v1: 1,
    hs_still: 0,
  })
  // socs takes a1_r_htr for htr.
  expect(lineOf('heaters 21-05-27.log', '27-05-21,00:00:30,a1_r_htr,120.0,htr,1.5')?.values['htr']).toBe(1.5)
  expect(parseLine('Errors 21-05-27.log', 'whatever')).toEqual({ faults: [] })
})

test('names that are no fields become some: numbers of heaters, blanks, dots', () => {
  const heaters = lineOf('Heaters 26-11-29.log', '29-11-26,12:00:00,0,0.00e+00,1,5.00e-03')
  expect(heaters?.values).toEqual({ heaters_0: 0, heaters_1: 0.005 })
  const line = '29-11-26,12:00:00,pump speed,8.2e2,p.hi,9.1E+1,1K pot,1,p-hi,5'
  expect(lineOf('Status_26-11-29.log', line)?.values).toEqual({ pump_speed: 820, p_hi: 91, a_1K_pot: 1 })
  expect(textsOf('Status_26-11-29.log', line)).toEqual([expect.stringContaining('p_hi appears twice')])
})

test('a value that is missing or no number costs itself; the line says which', () => {
  const gauges =
    '29-11-26,12:00:00,CH1,a       ,1,2.0e-06,0,1,CH2,b       ,0,,5,1,CH3,c       ,1,4.0e+02,0,1,CH4,d,on,1,0,1,'
  expect(lineOf('maxigauge 26-11-29.log', gauges)?.values).toEqual({
    pressure_ch1_state: 1,
    pressure_ch1: 2e-6,
    pressure_ch2_state: 0,
    pressure_ch2: Number.NaN,
    pressure_ch3_state: 1,
    pressure_ch3: 400,
    pressure_ch4: 1,
  })
  for (const word of ['', 'nan', 'off', '1e999'])
    expect(
      lineOf('Status_26-11-29.log', `29-11-26,12:00:00,cpalp,9.0E+1,cpahp,${word},cpaerr,0.0`)?.values,
    ).toEqual({ cpalp: 90, cpahp: Number.NaN, cpaerr: 0 })
  const kinds = ['nan', 'off'].map(
    (word) => parseLine('Status_26-11-29.log', `29-11-26,12:00:00,a,1,b,${word}`).faults[0]?.kind,
  )
  expect(kinds).toEqual(['Status: b', 'Status: b'])
})

test.each([
  ['CH1 T', '4,330000e+01', 'decimal commas'],
  ['CH1 T', 'nan', 'not a number'],
  ['Flowmeter', '0,45', 'decimal commas'],
  ['Status', 'cpalp,9,0E+1,cpahp,2,5E+2', 'decimal commas'],
  ['Status', 'cpalp,9,0E+1,cpahp', 'decimal commas'],
  ['heaters', '0,0,00e+00,1,5,00e-03', 'decimal commas'],
  ['maxigauge', 'x,CH1,a,1,2.0e-06,0,1', 'a gauge is expected'],
])('%s: %s is refused', (log, words, why) => {
  expect(lineOf(`${log} 26-11-29.log`, `29-11-26,12:00:00,${words}`)).toBeUndefined()
  expect(textsOf(`${log} 26-11-29.log`, `29-11-26,12:00:00,${words}`).join()).toContain(why)
})

test.each([
  '32-13-26,25:61:00',
  '31-11-26,12:00:00',
  '29-11-26,24:00:00',
  '11-29-26,12:00:00',
  '05-11-26,12:00:00',
  ',',
  '29.11.26,12:00:00',
])('the time %s is refused', (time) => {
  expect(lineOf('CH1 T 26-11-29.log', `${time},4.6e+01`)).toBeUndefined()
  expect(textsOf('CH1 T 26-11-29.log', `${time},4.6e+01`)).toEqual([expect.stringContaining('no such time')])
})

const real: readonly [log: string, line: string][] = [
  ['CH1 T', '29-11-26,12:00:00,4.617973e+1'],
  ['Flowmeter', '29-11-26,12:00:00,4.495260e-1'],
  ['Channels', '29-11-26,12:00:00,1,v11,0,v2,1,v1,1,turbo1,1,hs-still,0,ext,1'],
  ['Status', '29-11-26,12:00:00,tc400errorcode,0.000000E+0,cpahp,2.98E+2,cpalp,8.6E+1,cpaerr,0.000000E+0'],
  ['heaters', '29-11-26,12:00:00,a1_u,0.0,a1_r_lead,1.2,a1_r_htr,120.0,htr,1.5E-3,htr_range,4'],
  ['Heaters', '29-11-26,12:00:00,0,1.00e+00,1,5.00e-03,2,7.50e-01'],
  ['maxigauge', '29-11-26,12:00:00,CH1,P1,1,1.1e-6,0,1,CH2,P2,1,2.5e-1,0,1,CH6,P6,1,1.9e+0,0,1,'],
]

test('real lines, mutated word by word: never an end, never a wrong number', () => {
  let tried = 0
  for (const [log, line] of real) {
    const path = `/logs/26-11-29/${log} 26-11-29.log`
    const good = lineOf(path, line)?.values ?? {}
    expect(Object.keys(good).length).toBeGreaterThan(0)
    expect(parseLine(path, line).faults).toEqual([])
    const [date = '', clock = '', ...words] = line.split(',')
    const mutants = words.flatMap((word, at) => [
      ...['', 'nan', 'abc', '4,5', '1e999', '--', '1.2.3', '12abc', '0x10', word.replace('.', ',')].map(
        (other) => words.with(at, other),
      ),
      words.toSpliced(at, 1),
      ...['x', '', '5', '5.5'].map((other) => words.toSpliced(at, 0, other)),
    ])
    mutants.push(words.map((word) => word.replace('.', ',')))
    for (const mutant of mutants) {
      tried++
      const { line: found, faults } = parseLine(path, [date, clock, ...mutant].join(','))
      const wrong = Object.entries(found?.values ?? {}).filter(
        ([field, value]) => field in good && !Number.isNaN(value) && value !== good[field],
      )
      expect([mutant.join(','), wrong]).toEqual([mutant.join(','), []])
      if (!found) expect([mutant.join(','), faults.length > 0]).toEqual([mutant.join(','), true])
    }
  }
  expect(tried).toBeGreaterThan(800)
})

test('each new line is published with its own time; a folder that goes and comes back, and noise, cost nothing more', async () => {
  const dir = join(top, 'logs')
  const sim = await startBluefors({ serialNumber: '1', dir }, 300)
  atEnd(() => sim.close())
  const agent = await startAgent(bluefors, { log_directory: dir })
  atEnd(() => agent[Symbol.asyncDispose]())
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
      .map((line) => lineOf(path, line)?.time),
  )
  for (const { t } of agent.rows) expect(inLogs).toContain(t[0])
  // All fields were known from what stood in the logs.
  expect(agent.log.join('\n')).not.toContain('a new epoch begins')
  sim.faults.inject({ kind: 'garbage' })
  await agent.until(() => agent.log.join('\n').includes('no such time'))
  await sim.unplug()
  renameSync(dir, `${dir}-away`)
  await agent.until(() => agent.session('acq')?.degraded === true)
  renameSync(`${dir}-away`, dir)
  await sim.plugIn()
  const before = agent.rows.length
  await agent.until(() => agent.rows.length > before && agent.session('acq')?.degraded === false)
  expect(agent.log.join('\n')).not.toContain('stepped back')
})

/** A folder of logs of today, and how a line is written into one. */
function logs(name: string) {
  const dir = join(top, name)
  const [date, clock] = now()
  const day = date.split('-').toReversed().join('-')
  mkdirSync(join(dir, day), { recursive: true })
  return {
    dir,
    day,
    date,
    write: (log: string, words: string, at = `${date},${clock}`) =>
      appendFileSync(join(dir, day, `${log}.log`), `${at},${words}\n`),
  }
}
function now(): [date: string, clock: string] {
  const two = (n: number) => String(n).padStart(2, '0')
  const at = new Date()
  const date = [at.getDate(), at.getMonth() + 1, at.getFullYear() % 100].map(two).join('-')
  return [date, [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(':')]
}

test('logs of newer software, values that are missing, decimal commas: all else goes on, before and after a start', async () => {
  const { dir, day, write } = logs('newer')
  const heaters = () => {
    write(`CH1 T ${day}`, '4.100000e+00')
    write(`Heaters ${day}`, '0,0.00e+00,1,5.00e-03')
    write(`Status_${day}`, 'pump speed,8.2e2,p.hi,9.1E+1')
  }
  // Those that stand there at the start are declared, those that come are published.
  for (const when of ['before', 'after'] as const) {
    if (when === 'before') heaters()
    const agent = await startAgent(bluefors, { log_directory: dir })
    atEnd(() => agent[Symbol.asyncDispose]())
    await agent.until(() => agent.session('acq')?.data !== undefined && 'errors' in dataOf(agent))
    heaters()
    await agent.until(() => agent.column('heaters_1').length > 0 && agent.column('pump_speed').length > 0)
    expect([agent.column('heaters_1'), agent.column('lakeshore_ch1_t')]).toEqual([[0.005], [4.1]])
    write(`Status_${day}`, 'pump speed,,p.hi,9.2E+1')
    write(`Status_${day}`, 'pump speed,nan,p.hi,9.3E+1')
    write(`CH1 T ${day}`, '4,330000e+01')
    write(`CH1 T ${day}`, '4.600000e+01', '32-13-26,25:61:00')
    write(`CH1 T ${day}`, '4.200000e+00')
    await agent.until(() => agent.column('lakeshore_ch1_t').length === 2)
    expect(agent.column('lakeshore_ch1_t')).toEqual([4.1, 4.2])
    expect([agent.column('pump_speed'), agent.column('p_hi')]).toEqual([
      [820, 'NaN', 'NaN'],
      [91, 92, 93],
    ])
    const told = agent.log.filter((line) => /not a number|decimal comma|no such time/.test(line))
    expect(told.map((line) => /pump_speed|decimal|no such/.exec(line)?.[0]).sort()).toEqual([
      'decimal',
      'no such',
      'pump_speed',
    ])
    await agent.until(() => Object.keys(dataOf(agent)['errors'] ?? {}).length === 3)
    expect(dataOf(agent)['errors']).toEqual({ 'Status: pump_speed': 2, 'CH1 T: line': 1, 'CH1 T: time': 1 })
    expect(agent.session('acq')).toMatchObject({ status: 'running', degraded: false })
    expect(agent.log.join('\n')).not.toContain('stepped back')
  }
})

const dataOf = (agent: Awaited<ReturnType<typeof startAgent>>) =>
  (agent.session('acq')?.data ?? {}) as Record<string, object>

test('a log that was copied beside itself counts once, whichever is written first', async () => {
  const { dir, day, date, write } = logs('copied')
  const [log, copy] = [`CH1 T ${day}`, `CH1 T ${day} (1)`]
  const seconds = (n: number) => `${date},00:00:${String(n).padStart(2, '0')}`
  for (const n of [1, 2, 3]) write(log, `${n}`, seconds(n))
  const agent = await startAgent(bluefors, { log_directory: dir })
  atEnd(() => agent[Symbol.asyncDispose]())
  await agent.until(() => agent.session('acq')?.data !== undefined && 'errors' in dataOf(agent))
  copyFileSync(join(dir, day, `${log}.log`), join(dir, day, `${copy}.log`))
  write(log, '4', seconds(4))
  await agent.until(() => agent.rows.length === 1)
  write(copy, '4', seconds(4))
  write(copy, '5', seconds(5))
  await agent.until(() => agent.rows.length === 2)
  write(log, '5', seconds(5))
  write(log, '6', seconds(6))
  await agent.until(() => agent.rows.length === 3)
  expect(agent.column('lakeshore_ch1_t')).toEqual([4, 5, 6])
  expect(agent.log.filter((line) => line.includes('is it a copy?'))).toHaveLength(1)
  expect(agent.log.join('\n')).not.toContain('stepped back')
})

test('logs that nothing is written into any more are told', async () => {
  const { dir, day, write } = logs('silent')
  write(`CH1 T ${day}`, '4.1')
  const agent = await startAgent(bluefors, { log_directory: dir, silence: 0.5 })
  atEnd(() => agent[Symbol.asyncDispose]())
  await agent.until(() => agent.session('acq')?.degraded === true)
  expect(agent.log.join('\n')).toContain('no line has come for 0.5 s')
  write(`CH1 T ${day}`, '4.2')
  await agent.until(() => agent.rows.length === 1)
})

test('logs of a day that come at once are published in the order of their times, each in its own', async () => {
  const { dir, day, date, write } = logs('backlog')
  const at = (minute: number) => `${date},00:${String(minute).padStart(2, '0')}:00`
  write(`CH1 T ${day}`, '0', at(0))
  const agent = await startAgent(bluefors, { log_directory: dir })
  atEnd(() => agent[Symbol.asyncDispose]())
  await agent.until(() => agent.session('acq')?.data !== undefined && 'errors' in dataOf(agent))
  const lines = (minutes: readonly number[]) => minutes.map((minute) => `${at(minute)},${minute}\n`).join('')
  // The second log's clock is set back by two minutes.
  appendFileSync(join(dir, day, `CH1 T ${day}.log`), lines([1, 2, 3, 4]))
  appendFileSync(join(dir, day, `CH2 T ${day}.log`), lines([1, 3, 1, 4]))
  await agent.until(() => agent.rows.length === 8)
  expect(agent.rows.flatMap(({ block, data }) => data[block] ?? [])).toEqual([1, 1, 2, 3, 3, 1, 4, 4])
  expect(agent.column('lakeshore_ch1_t')).toEqual([1, 2, 3, 4])
  expect(agent.column('lakeshore_ch2_t')).toEqual([1, 3, 1, 4])
})
