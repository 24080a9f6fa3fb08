import { expect, test } from 'bun:test'
import { OpError } from '../../core/errors.ts'
import { parseCurve } from './lakeshore240-curve-file.ts'

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
  [2, 'Data Format: 9', 'a.340:3: format 9: the module supports 2, 3 and 4'],
  [3, 'SetPoint Limit: hot', 'a.340:4: SetPoint Limit: expected a number, got "hot"'],
  [3, 'SetPoint Limit: 40,0', 'a.340:4: SetPoint Limit: expected a number, got "40,0"'],
  [3, 'SetPoint Limit: -4', 'a.340:4: limit -4 is not a temperature in K'],
  [2, 'Data Format: 3 (Log Ohms/Kelvin)', 'a.340:3: format 3 is not "Log Ohms/Kelvin"'],
  [2, 'Data Format: 4x', 'a.340:3: format 4x'],
  [4, 'Temperature coefficient: 2 (Positive)', 'a.340:5: coefficient 2, but temperatures fall as units rise'],
  [4, 'Serial Number: X1', 'a.340:5: Serial Number appears twice'],
  [7, 'No. Units Temperature (C)', 'temperatures are expected in K'],
  [10, '  2  2,50000  4,2000', 'a.340:11: expected "2 UNITS TEMPERATURE"'],
  [10, '  2  2.5  4.2  K', 'a.340:11: expected "2 UNITS TEMPERATURE"'],
  [10, '  2  1.2  4.2', 'a.340:12: units 3.6 after 1.2: they must fall throughout'],
  [10, '  2  2.5  1.2', 'a.340:12: 1.4 K after 1.2 K: temperatures change direction here'],
  [11, '  3  3.6  -1.4', 'a.340:12: -1.4 K is not a temperature'],
  [12, 'the end', 'a.340:13: expected "4 UNITS TEMPERATURE", got "the end"'],
  [4, 'Temperature coefficient: 5', 'a.340:5: coefficient "5" is neither 1 nor 2'],
  [5, 'Number of Breakpoints: 4', 'a.340:6: 4 breakpoints announced, 3 found'],
  [1, 'Serial Number', 'a.340:9: there is no line "Serial Number: …" above this'],
  [10, '  2  2.5x  4.2', 'a.340:11: expected "2 UNITS TEMPERATURE", got "2  2.5x  4.2"'],
  [10, '  3  2.5  4.2', 'a.340:11: expected "2 UNITS TEMPERATURE", got "3  2.5  4.2"'],
])('line %d as "%s" is refused: %s', (at, line, message) => {
  const parse = () => parseCurve('a.340', good.with(at, line).join('\n'))
  expect(parse).toThrow(OpError)
  expect(parse).toThrow(message)
})

/** As Qcodes has it for a Model 325: another order, a key of its own, no coefficient. */
const other = [
  'Sensor Model:   CX-TEST',
  'Serial Number:  X100001',
  'Interpolation Method:   Lagrangian',
  'SetPoint Limit: 325.0      (Kelvin)',
  'Data Format:    4      (Log Ohms/Kelvin)',
  'Number of Breakpoints:   3',
  '',
  'No.   Units      Temperature (K)',
  '',
  '  1  1.70000       325.0',
  '  2  1.72000       309.0',
  '  3  1.78000       264.0',
]

test('lines are known by their key, in any order; a coefficient that is not given follows from the points', () => {
  const curve = parseCurve('a.340', other.join('\n'))
  expect(curve).toMatchObject({
    name: 'CX-TEST',
    serialNumber: 'X100001',
    format: 4,
    limit: 325,
    coefficient: 1,
  })
  expect(curve.points).toHaveLength(3)
  const [name = '', serial = '', ...rest] = good
  expect(parseCurve('a.340', [serial, name, ...rest].join('\n'))).toEqual(
    parseCurve('a.340', good.join('\n')),
  )
})

test('spellings of others: words for numbers, falling units, columns the other way round', () => {
  const spelt = [
    'Curve Name: X',
    'Serial No.: 7',
    'Format: Volts/Kelvin',
    'Limit: 475 K',
    'Tempco: Positive',
    'Breakpoints: 2',
    'No.  Temperature (K)  Units (V)',
    '1, 300, 1.5',
    '2, 4, 0.5',
  ]
  expect(parseCurve('a.340', spelt.join('\n'))).toMatchObject({
    ...{ name: 'X', serialNumber: '7', format: 2, limit: 475, coefficient: 2 },
    points: [
      { units: 0.5, kelvin: 4 },
      { units: 1.5, kelvin: 300 },
    ],
  })
})

test('a real file, mutated word by word: the same curve or a refusal', () => {
  const right = JSON.stringify(parseCurve('a.340', good.join('\n')).points)
  for (const [at, line] of good.entries()) {
    const words = line.split(/(\s+)/)
    for (const [place, word] of words.entries()) {
      if (!/\d/.test(word) || at < 2) continue
      for (const other of [
        '',
        'nan',
        'abc',
        word.replace('.', ','),
        `${word}x`,
        '1e999',
        `${word} ${word}`,
        '0x10',
      ]) {
        if (other === word) continue
        const text = good.with(at, words.with(place, other).join('')).join('\n')
        let points = right
        try {
          points = JSON.stringify(parseCurve('a.340', text).points)
        } catch (error) {
          expect([text, error]).toEqual([text, expect.any(OpError)])
        }
        expect([text, points]).toEqual([text, right])
      }
    }
  }
})
