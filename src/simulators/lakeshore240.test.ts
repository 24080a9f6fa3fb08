import { expect, test } from 'bun:test'
import { convert } from './curve.ts'
import { createLakeshore240 } from './lakeshore240.ts'
import { contextOf, type SimulatorOptions } from './simulator.ts'

function instrument(options: Partial<SimulatorOptions> = {}) {
  const clock = { t: 1_700_000_000 }
  const context = contextOf({ serialNumber: 'LSA21OQ', now: () => clock.t, ...options })
  const dialect = createLakeshore240(context)
  return { clock, faults: context.faults, ask: (line: string) => dialect(line)?.text }
}

test.each([
  ['*IDN?', 'LSCI,MODEL240-8P,LSA21OQ,1.3'],
  ['*idn?', 'LSCI,MODEL240-8P,LSA21OQ,1.3'],
  ['MODNAME?', 'Model 240'],
  ['INTYPE? 1', '1,0,0,0,1,1'],
  ['INNAME? 1', '4K plate'],
  ['FILTER? 8', '10'],
  ['INTYPE? 6', '1,0,0,0,1,1'],
  ['INTYPE? 7', '1,0,0,0,1,0'],
  ['CRVHDR? 1', 'DT-670,D61000,2,325.000,1'],
  ['CRVPT? 1,1', expect.stringMatching(/^0\.50\d{4},325\.000$/)],
  ['CRVPT? 1,200', '0.00000,0.00000'],
  ['CRVPT? 2,1', '0.00000,0.00000'],
  ['RDGST? 1', '000'],
  ['BRIGT?', '25'],
  ['ADDR?', '126'],
  ['PROFINUM?', '8'],
  ['PROFISLOT? 3', '3,1'],
  ['PROFISTAT?', '0'],
  ['KRDG? 1', expect.stringMatching(/^\+3\.\d{5}$/)],
  ['SRDG? 1', expect.stringMatching(/^\+1\.5\d{4}$/)],
  ['CRDG? 1', expect.stringMatching(/^-269\.\d{3}$/)],
  ['FRDG? 1', expect.stringMatching(/^-452\.\d{3}$/)],
])('%s answers %p', (query, reply) => {
  expect(instrument().ask(query)).toEqual(reply)
})

test.each([
  ['INTYPE 3,3,1,8,1,3,1', 'INTYPE? 3', '3,1,8,1,3,1'],
  ['INNAME 3,Plate, upper left', 'INNAME? 3', 'Plate, upper le'],
  ['MODNAME Penn lab', 'MODNAME?', 'Penn lab'],
  ['FILTER 3,100', 'FILTER? 3', '100'],
  ['CRVHDR 5,Mine,77,2,325.0,1', 'CRVHDR? 5', 'Mine,77,2,325.000,1'],
  ['CRVPT 5,200,1.2345678,77.35', 'CRVPT? 5,200', '1.23457,77.3500'],
  ['BRIGT 75', 'BRIGT?', '75'],
  ['ADDR 12', 'ADDR?', '12'],
  ['PROFINUM 2', 'PROFINUM?', '2'],
  ['PROFISLOT 2,8,3', 'PROFISLOT? 2', '8,3'],
  ['CRVDEL 1', 'CRVHDR? 1', ',,2,375.000,1'],
])('%s is stored without a reply', (command, query, shown) => {
  const { ask } = instrument()
  expect(ask(command)).toBeUndefined()
  expect(ask(query)).toBe(shown)
})

test.each(['FROB?', 'KRDG? 9', 'KRDG?', 'KRDG? 0', 'INTYPE? x', 'CRVPT? 1,201', 'KRDG? 1;SRDG? 1', '%%%'])(
  '%s gets no reply',
  (line) => {
    expect(instrument().ask(line)).toBeUndefined()
  },
)

test('parameters out of range change nothing', () => {
  const { ask } = instrument()
  for (const line of [
    'INTYPE 1,4,0,0,0,1,1',
    'FILTER 1,101',
    'BRIGT 30',
    'CRVPT 1,0,1,1',
    'CRVHDR 1,a,b,7,1,1',
  ]) {
    const before = [ask('INTYPE? 1'), ask('FILTER? 1'), ask('BRIGT?'), ask('CRVHDR? 1')]
    expect(ask(line)).toBeUndefined()
    expect([ask('INTYPE? 1'), ask('FILTER? 1'), ask('BRIGT?'), ask('CRVHDR? 1')]).toEqual(before)
  }
})

test('K is what the loaded curve, read back, makes of the V that is shown', () => {
  const { ask, clock } = instrument({ startAt: 0, speed: 100 })
  const points = Array.from({ length: 200 }, (_, i) => {
    const [units = 0, kelvin = 0] = (ask(`CRVPT? 1,${i + 1}`) ?? '').split(',').map(Number)
    return { units, kelvin }
  })
  const curve = { name: '', serialNumber: '', format: 2, limit: 325, coefficient: 1, points }
  let last = Number.POSITIVE_INFINITY
  for (let i = 0; i < 40; i++) {
    const [kelvin, volts] = [ask('KRDG? 1'), ask('SRDG? 1')].map(Number)
    const { kelvin: expected } = convert(curve, volts ?? 0)
    expect(kelvin).toBe(Number(expected.toPrecision(6)))
    expect(kelvin).toBeLessThan(last * 1.01)
    last = kelvin ?? 0
    clock.t += 0.8
  }
  expect(last).toBeLessThan(5)
})

test('an uncalibrated diode reads V, no temperature, valid; its own curve gives it one', () => {
  const { ask } = instrument()
  expect(ask('KRDG? 6')).toBe('+0.00000')
  expect(ask('CRDG? 6')).toBe('+0.00000')
  expect(ask('RDGST? 6')).toBe('000')
  expect(Number(ask('SRDG? 6'))).toBeGreaterThan(1.5)
  ask('CRVPT 6,1,0.5,350')
  ask('CRVPT 6,2,1.7,1.4')
  expect(Number(ask('KRDG? 6'))).toBeGreaterThan(1.4)
})

test('status tells disabled, of another type, open, below and above the curve', () => {
  const { ask, faults } = instrument()
  ask('INTYPE 4,1,0,0,0,1,0')
  ask('INTYPE 5,3,1,0,0,1,1')
  faults.inject({ kind: 'overload', channel: 3 })
  ask('CRVPT 2,1,0.1,400')
  ask('CRVPT 2,2,0.2,350')
  ask('CRVPT 6,1,1.7,2')
  ask('CRVPT 6,2,1.8,1')
  ask('INTYPE 8,1,0,0,0,1,1')
  expect([4, 7, 5, 3, 8, 2, 6].map((c) => ask(`RDGST? ${c}`))).toEqual([
    ...['001', '001'],
    ...['064', '064', '064'],
    ...['016', '032'],
  ])
  expect([4, 7, 5, 3, 8, 2, 6].map((c) => ask(`KRDG? ${c}`))).toEqual(Array(7).fill('+0.00000'))
})

test('factory defaults disable the inputs and keep the curves', () => {
  const { ask } = instrument()
  ask('DFLT 99')
  expect([ask('INTYPE? 1'), ask('INNAME? 1')]).toEqual(['1,0,0,0,1,0', 'Channel 1'])
  expect(ask('CRVHDR? 1')).toStartWith('DT-670')
})

test('the same seed and clock give the same readings, whatever else was asked', () => {
  const readAll = (seed: number, extra: string): (string | undefined)[] => {
    const { ask, clock } = instrument({ seed })
    return Array.from({ length: 20 }, () => {
      clock.t += 0.1
      ask(extra)
      return ask('SRDG? 1')
    })
  }
  expect(readAll(5, 'KRDG? 2')).toEqual(readAll(5, 'RDGST? 3'))
  expect(readAll(5, '')).not.toEqual(readAll(6, ''))
  expect(new Set(readAll(5, '')).size).toBeGreaterThan(5)
})

test('as a counter each reading is the next number', () => {
  const { ask } = instrument({ counter: true })
  expect([ask('KRDG? 1'), ask('SRDG? 1'), ask('KRDG? 8')]).toEqual(['+1', '+2', '+3'])
})
