import { expect, test } from 'bun:test'
import { type Curve, convert, emptyCurve } from './curve.ts'
import { calibrate, cernox, diode, rox } from './sensors.ts'

const volts: Curve = {
  ...emptyCurve(2),
  limit: 300,
  points: [
    { units: 0.5, kelvin: 350 },
    { units: 1, kelvin: 100 },
    { units: 1.6, kelvin: 4 },
    { units: 0, kelvin: 0 },
    { units: 9, kelvin: 9 },
  ],
}

test('between breakpoints the curve is linear, beyond them under or over', () => {
  expect(convert(volts, 1.3)).toEqual({ kelvin: 52, range: 'ok' })
  expect(convert(volts, 1.7)).toEqual({ kelvin: 0, range: 'under' })
  expect(convert(volts, 0.4)).toEqual({ kelvin: 0, range: 'over' })
  expect(convert(volts, 0.55).range).toBe('over') // 325 K, above the curve's limit
})

test('no curve, no temperature', () => {
  expect(convert(undefined, 1)).toEqual({ kelvin: 0, range: 'none' })
  expect(convert(emptyCurve(2), 1)).toEqual({ kelvin: 0, range: 'none' })
})

test('diode, Cernox and ruthenium oxide have the known values', () => {
  expect(diode().respond(300)).toBeCloseTo(0.56, 2)
  expect(diode().respond(77)).toBeCloseTo(1.03, 2)
  expect(diode().respond(4.2)).toBeCloseTo(1.58, 2)
  expect(rox().respond(0.1)).toBeGreaterThan(10_000)
  expect(rox().respond(300)).toBeCloseTo(1000, 5)
  expect(cernox().respond(0.1)).toBeGreaterThan(cernox().respond(4))
})

test.each([
  ['diode', diode(0.002), [1.4, 325]],
  ['cernox', cernox(0.02), [0.1, 325]],
  ['rox', rox(-0.02), [0.02, 40]],
] as const)('a calibration finds the temperature of its %s again within 1 %%', (_, sensor, span) => {
  const curve = calibrate(sensor, 'X', '1', span)
  for (const kelvin of [1.5, 4.2, 12, 22, 39]) {
    const found = convert(curve, sensor.respond(kelvin)).kelvin
    expect(Math.abs(found - kelvin) / kelvin).toBeLessThan(0.01)
  }
})
