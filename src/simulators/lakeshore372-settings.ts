import { engineering, fixed, sixDigits } from './numbers.ts'
import { choice, decimal, digits, type Setting, text } from './settings.ts'

/** The scanned inputs `1`–`16`. */
export const measurementInputs: readonly string[] = Array.from({ length: 16 }, (_, i) => String(i + 1))
/** All inputs: the scanned ones and the control input `A`. */
export const inputs: readonly string[] = [...measurementInputs, 'A']

const outputs = ['0', '1', '2']
const loops = ['0', '1']
const everything = ['']
const flag = digits(1, 0, 1)
const sixDigit = decimal(-1e9, 1e9, sixDigits)
const percentage = decimal(0, 100, fixed(2, 5))
const heaterInput = choice('0', ...inputs)

/** Ramp rates have five characters: `0.100`, `1.500`, `10.00`. */
const rampRate = decimal(0, 100, (rate) => `+${rate >= 1 ? rate.toPrecision(4) : rate.toFixed(3)}`)

/** Commands that store and show parameters (Model 372 manual, Interface Commands), in its order of parameters. */
export const settingsTable: Record<string, Setting> = {
  // enabled, dwell s, pause s, curve, temperature coefficient
  INSET: {
    keys: inputs,
    fields: [flag, digits(3, 1, 200), digits(3, 3, 200), digits(2, 0, 59), digits(1, 1, 2)],
    initial: () => [0, 10, 3, 0, 1],
  },
  // excitation mode, excitation, autorange, range, current source shunted, units
  INTYPE: {
    keys: inputs,
    fields: [flag, digits(2, 1, 22), digits(1, 0, 2), digits(2, 1, 22), flag, digits(1, 1, 2)],
    initial: (key) => (key === 'A' ? [1, 6, 1, 13, 0, 1] : [0, 4, 1, 13, 0, 1]),
  },
  INNAME: {
    keys: inputs,
    fields: [text(15, 15)],
    initial: (key) => [key === 'A' ? 'Control' : `Channel ${key}`],
  },
  FILTER: {
    keys: inputs,
    fields: [flag, digits(3, 1, 200), digits(2, 1, 80)],
    initial: () => [0, 10, 10],
    allKey: '0',
  },
  TLIMIT: { keys: inputs, fields: [decimal(0, 9999, fixed(0, 4))], initial: () => [0] },
  FREQ: { keys: ['0', 'A'], fields: [digits(1, 1, 5)], initial: (key) => [key === 'A' ? 3 : 2] },
  // enabled, source, high, low, deadband, latch, audible, visible
  ALARM: {
    keys: inputs,
    fields: [flag, digits(1, 1, 2), sixDigit, sixDigit, sixDigit, flag, flag, flag],
    initial: () => [0, 1, 0, 0, 0, 0, 0, 0],
  },
  RANGE: { keys: outputs, fields: [digits(1, 0, 8)], initial: () => [0] },
  // resistance Ω (output 1: 1 is 25 Ω, 2 is 50 Ω), max current code, user maximum A, display 1 current 2
  // power; readers query output 2 as well, and the instrument answers
  HTRSET: {
    keys: outputs,
    fields: [decimal(1, 2000, fixed(3, 7)), digits(1, 0, 8), decimal(0, 9999, fixed(2, 7)), digits(1, 1, 2)],
    initial: (key) => (key === '1' ? [1, 1, 0, 1] : [120, 8, 0, 1]),
    impliedKey: '0',
  },
  // mode, input, on at power-up, polarity, filter, delay s
  OUTMODE: {
    keys: outputs,
    fields: [digits(1, 0, 6), heaterInput, flag, flag, flag, digits(3, 1, 255)],
    initial: (key) => [key === '2' ? 4 : 2, key === '0' ? '6' : '1', 1, 0, 0, 1],
    impliedKey: '0',
  },
  STILL: { keys: everything, fields: [percentage], initial: () => [10.6] },
  MOUT: { keys: outputs, fields: [decimal(0, 100, engineering)], initial: () => [0], impliedKey: '0' },
  SETP: { keys: loops, fields: [decimal(0, 1e7, sixDigits)], initial: () => [0], impliedKey: '0' },
  PID: {
    keys: loops,
    fields: [decimal(0, 1000, sixDigits), decimal(0, 10000, sixDigits), decimal(0, 2500, sixDigits)],
    initial: () => [10, 20, 0],
    impliedKey: '0',
  },
  RAMP: { keys: loops, fields: [flag, rampRate], initial: () => [0, 0.1], impliedKey: '0' },
  // control 0 manual 1 auto, percentage
  WARMUP: { keys: everything, fields: [flag, percentage], initial: () => [0, 0] },
  // polarity, mode, input, source, high, low, manual value
  ANALOG: {
    keys: ['1', '2'],
    fields: [flag, digits(1, 0, 6), heaterInput, digits(1, 1, 3), sixDigit, sixDigit, sixDigit],
    initial: () => [0, 2, '1', 1, 0, 0, 0],
  },
  // upper bound K, P, I, D, manual output, range, ramp rate, relay 1, relay 2; stored, not acted on
  ZONE: {
    keys: loops.flatMap((output) => Array.from({ length: 10 }, (_, i) => `${output}:${i + 1}`)),
    fields: [sixDigit, sixDigit, sixDigit, sixDigit, sixDigit, digits(1, 0, 8), rampRate, flag, flag],
    initial: () => [0, 50, 20, 0, 0, 0, 0.1, 0, 0],
  },
  CMR: { keys: everything, fields: [flag], initial: () => [1] },
  MODE: { keys: everything, fields: [digits(1, 0, 2)], initial: () => [1] },
  BEEP: { keys: everything, fields: [flag], initial: () => [0] },
  INTSEL: { keys: everything, fields: [digits(1, 0, 2)], initial: () => [1] },
  MONITOR: { keys: everything, fields: [digits(1, 0, 7)], initial: () => [0] },
  DOUT: { keys: everything, fields: [digits(2, 0, 31)], initial: () => [0] },
}
