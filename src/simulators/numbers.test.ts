import { expect, test } from 'bun:test'
import { engineering, fixed, scientific, sixDigits } from './numbers.ts'

test('readings have a sign and six significant digits', () => {
  expect([77.3, 4.2, -269.2450001, 300, 0, 1.6256789].map(sixDigits)).toEqual([
    '+77.3000',
    '+4.20000',
    '-269.245',
    '+300.000',
    '+0.00000',
    '+1.62568',
  ])
})

test('the Model 372 shows ±nnn.nnnE±nn', () => {
  expect([0.1, 1363.69, 293.15, -2.5e-12, 0, 999.9999].map(scientific)).toEqual([
    '+100.000E-03',
    '+136.369E+01',
    '+293.150E+00',
    '-250.000E-14',
    '+000.000E+00',
    '+100.000E+01',
  ])
})

test('heater outputs and percentages keep their width', () => {
  expect([0, 0.0005, 5, 0.05].map(engineering)).toEqual([
    '+00.0000E+00',
    '+00.5000E-03',
    '+05.0000E+00',
    '+50.0000E-03',
  ])
  expect(fixed(2, 5)(10.6)).toBe('+10.60')
  expect(fixed(0, 4)(0)).toBe('+0000')
})
