import { expect, test } from 'bun:test'
import { decimal, row } from '../instrument/codec.ts'
import type { SimulatedInstrument } from '../instrument/table.ts'
import { contextOf } from './simulator.ts'
import { createTableDialect } from './table.ts'

const table: SimulatedInstrument = {
  identity: 'ACME,ONE,{serial},1.0',
  readings: [],
  registers: [{ name: 'SETP', record: row({ kelvin: decimal }), initial: { kelvin: 4 } }],
}

function instrument(simulated = table) {
  const context = contextOf({ serialNumber: '7' })
  const dialect = createTableDialect(simulated, context)
  return { ask: (line: string) => dialect(line)?.text, faults: context.faults }
}

test('events are shown once: power on, an unknown command, a value that cannot be, operation complete', () => {
  const { ask, faults } = instrument()
  expect(ask('*ESR?')).toBe('128')
  expect(ask('SETP 5;*ESR?')).toBe('0')
  expect(ask('SETP?;:*ESR?')).toBe('5;0')
  expect(ask('FROB 1;*ESR?')).toBe('32')
  expect(ask('FROB?;SETP warm;*ESR?')).toBe('48')
  expect(ask('SETP?')).toBe('5')
  expect(ask('*OPC;*ESR?;*ESR?')).toBe('1;0')
  expect(ask('FROB;*CLS;*ESR?')).toBe('0')
  faults.reboots++
  expect(ask('*ESR?')).toBe('128')
})

test('the status byte sums up events that are enabled, and asks for service where that is enabled', () => {
  const { ask } = instrument()
  expect(ask('*CLS;FROB;*STB?')).toBe('0')
  expect(ask('*ESE 32;*STB?')).toBe('32')
  expect(ask('*SRE 32;*STB?;*ESE?;*SRE?')).toBe('96;32;32')
  expect(ask('*ESR?;*STB?')).toBe('32;0')
  expect(ask('*ESE 256;*ESR?;*ESE?')).toBe('16;32')
})

test('operations are complete at once, the self-test is passed, nothing is answered to the others', () => {
  const { ask } = instrument()
  expect(ask('*OPC?;*TST?')).toBe('1;0')
  for (const command of ['*OPC', '*WAI', '*RST', '*CLS']) expect(ask(command)).toBeUndefined()
  expect(ask('*IDN?')).toBe('ACME,ONE,7,1.0')
})

test('an instrument that does not tell who it is, and one with such a command of its own', () => {
  const { identity: _, ...unknown } = table
  expect(instrument(unknown).ask('*ESR?')).toBeUndefined()
  const own = [{ name: '*ESE', record: row({ mask: decimal }), initial: { mask: 3 } }]
  expect(instrument({ ...table, registers: own }).ask('*ESE?')).toBe('3')
})
