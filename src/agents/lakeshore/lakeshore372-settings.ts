/** How a Lake Shore 372 spells its settings (Model 372 manual, "Interface Commands"), and the steps it has. */
import { choice, decimal, flag, integer, row, text } from '../../instrument/codec.ts'

/** `INSET c`: dwell and pause in s, curve 0 for none. */
export const inputSetup = row({
  enabled: flag,
  dwell: integer,
  pause: integer,
  curve: integer,
  tempco: integer,
})
/** `INTYPE c`: what is measured, and how. */
export const inputType = row({
  mode: choice(0, 'voltage', 'current'),
  excitation: integer,
  autorange: integer,
  range: integer,
  csshunt: choice(0, 'on', 'off'),
  units: choice(1, 'kelvin', 'ohms'),
})
/** `INNAME c`: the name on the front panel; quoted in commands. */
export const inputName = row({ name: text(15, { quoted: true }) })
/** `SCAN`: the channel that is connected, and whether the scanner moves on by itself. */
export const scanState = row({ channel: integer, autoscan: flag })
/** `OUTMODE o`: how an output is driven. */
export const outputMode = row({
  mode: choice(0, 'Off', 'Monitor Out', 'Open Loop', 'Zone', 'Still', 'Closed Loop', 'Warm up'),
  input: text(2),
  powerup: flag,
  polarity: flag,
  filter: flag,
  delay: integer,
})
/** `HTRSET o`: resistance in Ω, and what a heater's output is shown and set in. */
export const heaterSetup = row({
  resistance: decimal,
  max_current: integer,
  max_user: decimal,
  display: choice(1, 'current', 'power'),
})
/** `RANGE o`. */
export const heaterRange = row({ range: integer })
/** `MOUT o`, `STILL`: one number. */
export const output = row({ output: decimal })
/** `SETP o`: the set-point in K, on its way there where it ramps. */
export const setpointOf = row({ setpoint: decimal })
/** `RAMP o`: whether the set-point ramps, and K/min. */
export const rampOf = row({ on: flag, rate: decimal })
/** `PID o`. */
export const pid = row({ P: decimal, I: decimal, D: decimal })

/** A ladder of values in half decades: `first` belongs to code 1. */
interface Steps {
  readonly first: number
  readonly count: number
}

/** Excitations of the scanned channels and of the control input, V or A. */
export const excitations: Readonly<Record<'voltage' | 'current' | 'control', Steps>> = {
  voltage: { first: 2e-6, count: 12 },
  current: { first: 1e-12, count: 22 },
  control: { first: 10 ** -9.5, count: 6 },
}
/** Resistance ranges, Ω. */
export const resistanceRanges: Steps = { first: 2e-3, count: 22 }
/** Ranges of the sample heater, A; code 0 is off. */
export const heaterRanges: Steps = { first: 10 ** -4.5, count: 8 }

/** The value of a code, to the three digits the manual gives. */
export function stepOf({ first }: Steps, code: number): number {
  return Number((first * 10 ** ((code - 1) / 2)).toPrecision(3))
}

/** The code whose value is nearest, by ratio. */
export function codeOf({ first, count }: Steps, value: number): number {
  return Math.min(count, Math.max(1, Math.round(1 + 2 * Math.log10(value / first))))
}
