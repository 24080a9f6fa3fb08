import { expect, test } from 'bun:test'
import { convert } from './curve.ts'
import { createLakeshore372 } from './lakeshore372.ts'
import { contextOf, type SimulatorOptions } from './simulator.ts'

function instrument(options: Partial<SimulatorOptions> = {}) {
  const clock = { t: 1_700_000_000 }
  const context = contextOf({ serialNumber: 'LSA22YG', now: () => clock.t, ...options })
  const dialect = createLakeshore372(context)
  return { clock, faults: context.faults, ask: (line: string) => dialect(line)?.text }
}

const reading = expect.stringMatching(/^[+-]\d{3}\.\d{3}E[+-]\d{2}$/)

test.each([
  ['*IDN?', 'LSCI,MODEL372,LSA22YG,1.3'],
  ['SCAN?', '01,1'],
  ['INSET? 1', '1,004,003,21,1'],
  ['INSET? 01', '1,004,003,21,1'],
  ['INSET? 16', '0,004,003,00,1'],
  ['INTYPE? 1', '0,04,1,11,0,1'],
  ['INTYPE? A', '1,06,1,13,0,1'],
  ['INNAME? 1', '50K plate      '],
  ['FILTER? a', '0,010,10'],
  ['TLIMIT? 1', '+0000'],
  ['CRVHDR? 1', 'RX-102A        ,STANDARD  ,4,40.000,1'],
  ['CRVPT? 1,1', expect.stringMatching(/^3\.00\d{3},40\.0000$/)],
  ['RANGE? 0', '0'],
  ['HTRSET?', '+120.000,8,+0000.00,1'],
  ['HTRSET? 1', '1,1,+0000.00,1'],
  ['HTRSET? 2', '+120.000,8,+0000.00,1'],
  ['OUTMODE? 0', '2,6,1,0,0,001'],
  ['HTR?', '+00.0000E+00'],
  ['HTR? 0', '+00.0000E+00'],
  ['STILL?', '+10.60'],
  ['MOUT? 0', '+00.0000E+00'],
  ['SETP? 0', '+000.000E+00'],
  ['PID?', '+10.0000,+20.0000,+0.00000'],
  ['PID? 1', '+10.0000,+20.0000,+0.00000'],
  ['RAMP? 0', '0,+0.100'],
  ['RAMPST? 0', '0'],
  ['AOUT? 2', '+00.00'],
  ['ZONE? 0,1', expect.stringMatching(/^(\+[\d.]+,){5}0,\+0\.100,0,0$/)],
  ['FREQ? A', '3'],
  ['WARMUP?', '0,+00.00'],
  ['ANALOG? 2', expect.stringMatching(/^0,2,1,1,/)],
  ['RDGST? 1', '000'],
  ['RDGST? A', '000'],
  ['*OPC?', '1'],
  ['KRDG? 1', reading],
  ['SRDG? 1', reading],
  ['RDGK? A', reading],
  ['RDGR? 16', reading],
  ['RDGPWR? 3', reading],
  ['QRDG? 3', reading],
])('%s answers %p', (query, reply) => {
  const { ask } = instrument()
  expect(ask(query)).toEqual(reply)
  expect(ask('*ESR?')).toBe('128')
})

test.each([
  ['INSET 2,1,10,5,30,2', 'INSET? 2', '1,010,005,30,2'],
  ['INSET 2,1,10', 'INSET? 2', '1,010,003,22,1'],
  ['INSET 2,1,,5,,', 'INSET? 2', '1,004,005,22,1'],
  ['INSET 2,0,0,0,0,0', 'INSET? 2', '0,004,003,22,1'],
  ['INTYPE A,1,3,2,0,0,1', 'INTYPE? A', '1,03,2,13,0,1'],
  ['INTYPE 2,1,22,0,9,0,2', 'INTYPE? 2', '1,22,0,09,0,2'],
  ['INNAME 2,"a; b, c"', 'INNAME? 2', 'a; b, c        '],
  ['FILTER 0,1,20,15', 'FILTER? 16', '1,020,15'],
  ['TLIMIT 2,40', 'TLIMIT? 2', '+0040'],
  ['CRVHDR 59,"mine","12345678901",4,40,1', 'CRVHDR? 59', 'mine           ,1234567890,4,40.000,1'],
  ['CRVPT 21, 200, 3.4, 0.1', 'CRVPT? 21,200', '3.40000,0.100000'],
  ['CRVPT 21,7,3.41,0.09,0.5', 'CRVPT? 21,7', '3.41000,0.0900000'],
  ['RANGE 0 4', 'RANGE? 0', '4'],
  ['RANGE 2,1', 'RANGE? 2', '1'],
  ['HTRSET 0,100,8,0,2', 'HTRSET? 0', '+100.000,8,+0000.00,2'],
  ['OUTMODE 0,5,A,1,0,0,10', 'OUTMODE? 0', '5,A,1,0,0,010'],
  ['MOUT 0 5.0', 'MOUT? 0', '+05.0000E+00'],
  ['STILL 42.5', 'STILL?', '+42.50'],
  ['SETP 0.15', 'SETP?', '+150.000E-03'],
  ['SETP 1,4.2', 'SETP? 1', '+420.000E-02'],
  ['PID 40,2,0', 'PID?', '+40.0000,+2.00000,+0.00000'],
  ['PID 1,40,2,0', 'PID? 1', '+40.0000,+2.00000,+0.00000'],
  ['RAMP 0,1,1.5', 'RAMP? 0', '1,+1.500'],
  [
    'ZONE 1,10,4.2,50,20,0,0,1,0.2,0,1',
    'ZONE? 1,10',
    '+4.20000,+50.0000,+20.0000,+0.00000,+0.00000,1,+0.200,0,1',
  ],
  ['FREQ 0,5', 'FREQ? 0', '5'],
  ['WARMUP 1,50', 'WARMUP?', '1,+50.00'],
  ['ANALOG 2,0,1,3,1,10,0,0', 'ANALOG? 2', '0,1,3,1,+10.0000,+0.00000,+0.00000'],
  ['SCAN 7,0', 'SCAN?', '07,0'],
])('%s is stored', (command, query, shown) => {
  const { ask } = instrument()
  ask('*CLS')
  expect(ask(`${command};*ESR?`)).toBe('0')
  expect(ask(query)).toBe(shown)
})

test.each([
  ['FROB?', '32'],
  ['FROB 1', '32'],
  ['"', '32'],
  ['INSET 17,1', '16'],
  ['INSET 1,1,0,3,21,1', '16'],
  ['INSET 1,1,4,201', '16'],
  ['INTYPE A,1,7,0,1,0,1', '16'],
  ['INTYPE 1,0,13,0,1,0,1', '16'],
  ['CRVPT 1,1,3,40', '16'],
  ['CRVHDR 20,"a","b",4,40,1', '16'],
  ['CRVHDR 22,"a","b",2,40,1', '16'],
  ['RANGE 1,2', '16'],
  ['RANGE 0,9', '16'],
  ['SCAN 16,1', '16'],
  ['QRDG? A', '16'],
  ['KRDG? 17', '16'],
  ['KRDG?', '16'],
  ['STILL hot', '16'],
  ['ZONE? 0,11', '16'],
])('%s is refused with bit %s and no reply', (line, bits) => {
  const { ask } = instrument()
  ask('*CLS')
  expect(ask(line)).toBeUndefined()
  expect(ask('*ESR?')).toBe(bits)
  expect(ask('*ESR?')).toBe('0')
})

test('chains are answered in order, joined by semicolons; a refused part leaves a gap', () => {
  const { ask } = instrument()
  ask('*CLS')
  expect(ask('SCAN?;:INSET? 2;INNAME 2,"x;y";:INNAME? 2;*ESR?')).toBe('01,1;1,004,003,22,1;x;y            ;0')
  expect(ask('SCAN?;FROB?;SCAN?;*ESR?')).toBe('01,1;01,1;32')
  expect(ask('STILL 5;STILL 6')).toBeUndefined()
  const sample = ask('SCAN?;RDGK? 1;RDGR? 1;RDGST? 1;SCAN?')?.split(';')
  expect(sample).toEqual(['01,1', reading, reading, '000', '01,1'])
})

test('K is what the curve in the slot makes of the Ω that are shown', () => {
  const { ask, clock } = instrument({ startAt: '30K', speed: 50 })
  const points = Array.from({ length: 200 }, (_, i) => {
    const [units = 0, kelvin = 0] = (ask(`CRVPT? 37,${i + 1}`) ?? '').split(',').map(Number)
    return { units, kelvin }
  })
  const curve = { name: '', serialNumber: '', format: 4, limit: 40, coefficient: 1, points }
  for (let i = 0; i < 60; i++) {
    const [kelvin, ohms] = (ask('RDGK? A;RDGR? A') ?? '').split(';').map(Number)
    expect(kelvin).toBe(Number(convert(curve, ohms ?? 0).kelvin.toPrecision(6)))
    clock.t += 0.7
  }
  expect(Number(ask('RDGK? A'))).toBeLessThan(0.2)
})

test('a channel is live only when connected and settled; the control input always', () => {
  const { ask, clock } = instrument()
  const distinct = (query: string, seconds: number): number => {
    const seen = new Set<string | undefined>()
    for (let i = 0; i < seconds * 10; i++) {
      seen.add(ask(query))
      clock.t += 0.1
    }
    return seen.size
  }
  expect(distinct('RDGR? 1', 2.9)).toBe(1)
  clock.t += 0.2
  expect(distinct('RDGR? 1', 3.5)).toBeGreaterThan(20)
  clock.t += 1
  expect(ask('SCAN?')).toBe('02,1')
  expect(distinct('RDGR? 1', 20)).toBe(1)
  expect(distinct('RDGR? A', 2)).toBeGreaterThan(15)
})

test('stale status: what overloads after the scanner has left does not show', () => {
  const { ask, clock, faults } = instrument()
  clock.t += 8
  expect(ask('SCAN?')).toBe('02,1')
  faults.inject({ kind: 'overload', channel: 1 })
  expect(ask('RDGST? 1')).toBe('000')
  faults.inject({ kind: 'overload', channel: 'A' })
  expect(ask('RDGST? A')).toBe('003')
  clock.t += 15 * 7 - 8 + 4
  expect(ask('SCAN?;RDGST? 1;RDGR? 1')).toBe('01,1;003;+000.000E+00')
})

test('without a curve K is zero and the status valid; ranges exceeded are told', () => {
  const { ask, clock } = instrument({ startAt: '100K', speed: 0 })
  expect(ask('RDGK? 14;RDGST? 14')).toBe('+000.000E+00;000')
  expect(Number(ask('RDGR? 14'))).toBeGreaterThan(900)
  expect(ask('RDGK? 5;RDGST? 5')).toBe('+000.000E+00;064') // 100 K is beyond a ruthenium oxide's curve
  ask('SCAN 5,0;INTYPE 5,0,4,0,9,0,1')
  clock.t += 3.1
  expect(ask('RDGR? 5;RDGST? 5')).toBe('+000.000E+00;016')
})

test('a range change makes the connected channel settle anew', () => {
  const { ask, clock } = instrument()
  clock.t += 3.5
  const before = ask('RDGR? 1')
  ask('INTYPE 1,0,4,0,13,0,1')
  clock.t += 2.9
  expect(ask('RDGR? 1')).toBe(before)
  clock.t += 0.2
  expect(ask('RDGR? 1')).not.toBe(before)
})

test('the heater warms the mixing chamber, and the limit switches it off', () => {
  const { ask, clock } = instrument({ startAt: 1 })
  const cold = Number(ask('RDGK? A'))
  ask('OUTMODE 0,2,A,1,0,0,1;MOUT 0 95;RANGE 0 5')
  expect(ask('HTR?')).toBe('+95.0000E+00') // % of 3.16 mA
  ask('HTRSET 0,120,8,0,2;MOUT 0 0.0005')
  expect(ask('HTR?')).toBe('+00.5000E-03') // W
  ask('HTRSET 0,120,8,0,1;MOUT 0 95')
  clock.t += 120
  const warm = Number(ask('RDGK? A'))
  expect(warm).toBeGreaterThan(cold * 1.5)
  ask('TLIMIT A,0')
  expect(ask('RANGE? 0')).toBe('5')
  ask('MOUT 0 100;RANGE 0 8;TLIMIT A,1')
  clock.t += 120
  expect(ask('RANGE? 0;HTR?')).toBe('0;+00.0000E+00')
})

test('the closed loop reaches its set-point, by a ramp if wanted', () => {
  const { ask, clock } = instrument({ startAt: 1 })
  ask('OUTMODE 0,5,A,1,0,0,1;PID 500,50,0;RANGE 0 6;SETP 0,0.2')
  for (let i = 0; i < 60; i++) {
    clock.t += 10
    ask('SCAN?')
  }
  expect(Number(ask('RDGK? A'))).toBeCloseTo(0.2, 2)
  ask('RAMP 0,1,0.1;SETP 0,0.3')
  expect(ask('RAMPST? 0')).toBe('1')
  clock.t += 30
  expect(Number(ask('SETP? 0'))).toBeCloseTo(0.25, 3)
  clock.t += 31
  expect(ask('RAMPST? 0;SETP? 0')).toBe('0;+300.000E-03')
})

test('the same seed and clock give the same dialog', () => {
  const dialog = (seed: number): (string | undefined)[] => {
    const { ask, clock } = instrument({ seed })
    return Array.from({ length: 50 }, () => {
      clock.t += 0.3
      return ask('SCAN?;RDGR? 1;RDGK? A;QRDG? 2')
    })
  }
  expect(dialog(3)).toEqual(dialog(3))
  expect(dialog(3)).not.toEqual(dialog(4))
})
