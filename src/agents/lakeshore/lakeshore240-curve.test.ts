import { expect, test } from 'bun:test'
import { OpError } from '../../core/errors.ts'
import { parseCurve } from './lakeshore240-curve.ts'

const good = [
  'Sensor Model:   CX-1050-SD-HT: 1',
  'Serial Number:  X12345',
  'Data Format:    4      (Log Ohms/Kelvin)',
  'SetPoint Limit: 40.0      (Kelvin)',
  'Temperature coefficient:  1 (Negative)',
  'Number of Breakpoints:   3',
  '',
  'No.   Units      Temperature (K)',
  '',
  '  1  1.30000       40.000',
  '  2  2.50000       4.2000',
  '  3  3.60000       1.4000',
  '',
]

test('a .340 file is read, a colon in a value and tabs included', () => {
  const expected = {
    name: 'CX-1050-SD-HT:',
    serialNumber: 'X12345',
    format: 4,
    limit: 40,
    coefficient: 1,
    points: [
      { units: 1.3, kelvin: 40 },
      { units: 2.5, kelvin: 4.2 },
      { units: 3.6, kelvin: 1.4 },
    ],
  }
  expect(parseCurve('a.340', good.join('\r\n'))).toEqual(expected)
  expect(parseCurve('a.340', good.join('\n').replaceAll('       ', '\t'))).toEqual(expected)
})

test.each([
  [2, 'Data Format: 9', 'a.340:3: format 9: the module takes 2, 3 and 4'],
  [3, 'SetPoint Limit: hot', 'a.340:4: limit "hot" is not a temperature in K'],
  [4, 'Temperature coefficient: 5', 'a.340:5: coefficient "5" is neither 1 nor 2'],
  [5, 'Number of Breakpoints: 4', 'a.340:6: 4 breakpoints announced, 3 found'],
  [1, 'Serial Number', 'a.340:2: expected "Key: value" (serialNumber)'],
  [10, '  2  2.5x  4.2', 'a.340:11: expected "2 UNITS TEMPERATURE", got "2  2.5x  4.2"'],
  [10, '  3  2.5  4.2', 'a.340:11: expected "2 UNITS TEMPERATURE", got "3  2.5  4.2"'],
])('line %d as "%s" is refused: %s', (at, line, message) => {
  const parse = () => parseCurve('a.340', good.with(at, line).join('\n'))
  expect(parse).toThrow(OpError)
  expect(parse).toThrow(message)
})
