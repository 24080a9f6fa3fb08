/** The Lake Shore 336 as a table: commands of its manual, names of socs. */
import { z } from 'zod'
import { FieldName } from '../../core/names.ts'
import { choice, decimal, flag, integer, row, text } from '../../instrument/codec.ts'
import { nth, whole } from '../../instrument/parts.ts'
import { recall } from '../../instrument/registers.ts'
import type { Reading, Setting } from '../../instrument/table.ts'
import type { Link } from '../../instrument/transport/link.ts'

/** Outputs with a heater; 1 has 100 W, 2 has 50 W. */
export const heaters = ['1', '2'] as const
/** Inputs; the last four are those of an extra scanner, 3062. */
export const inputs = ['A', 'B', 'C', 'D', 'D2', 'D3', 'D4', 'D5'] as const
type Input = (typeof inputs)[number]

const inputCode = choice(0, 'none', ...inputs)
const ranges = choice(0, 'off', 'low', 'medium', 'high')
const modes = choice(0, 'off', 'closed loop', 'zone', 'open loop', 'monitor out', 'warm up')
const sensors = choice(0, 'disabled', 'diode', 'platinum rtd', 'ntc rtd', 'thermocouple', 'capacitance')
const unitsOf = {
  disabled: '',
  diode: 'V',
  'platinum rtd': 'Ω',
  'ntc rtd': 'Ω',
  thermocouple: 'mV',
  capacitance: 'nF',
}

/** What an output keeps, by its number. */
export const range = {
  name: 'RANGE',
  record: row({ range: ranges }),
  initial: { range: 'off' as const },
}
export const pid = {
  name: 'PID',
  record: row({ P: decimal, I: decimal, D: decimal }),
  initial: { P: 50, I: 20, D: 0 },
}
export const outputMode = {
  name: 'OUTMODE',
  record: row({ mode: modes, input: inputCode, powerup: flag }),
  initial: (key: string) => ({
    mode: 'closed loop' as const,
    input: key === '1' ? ('A' as const) : ('B' as const),
    powerup: false,
  }),
}
/** `resistance` is 1 for 25 Ω, 2 for 50 Ω; `max_current` a code of `maxCurrents`, 0 for the user's own, A. */
export const heaterSetup = {
  name: 'HTRSET',
  record: row({
    resistance: integer,
    max_current: integer,
    max_user_current: decimal,
    display: choice(1, 'current', 'power'),
  }),
  initial: { resistance: 1, max_current: 2, max_user_current: 0, display: 'current' as const },
}
export const manualOut = { name: 'MOUT', record: row({ percent: decimal }), initial: { percent: 0 } }
export const setpoint = { name: 'SETP', record: row({ setpoint: decimal }), initial: { setpoint: 4 } }
export const ramp = {
  name: 'RAMP',
  record: row({ on: flag, rate: decimal }),
  initial: { on: false, rate: 0.1 },
}
/** What an input keeps. */
export const limit = { name: 'TLIMIT', record: row({ T_limit: decimal }), initial: { T_limit: 0 } }
export const inputType = {
  name: 'INTYPE',
  record: row({
    sensor: sensors,
    autorange: integer,
    range: integer,
    compensation: integer,
    units: choice(1, 'kelvin', 'celsius', 'sensor'),
  }),
  initial: { sensor: 'diode' as const, autorange: 0, range: 0, compensation: 0, units: 'kelvin' as const },
}
export const inputName = {
  name: 'INNAME',
  record: row({ name: text(15) }),
  initial: (key: string) => ({ name: `Channel ${key}` }),
}
export const inputCurve = {
  name: 'INCRV',
  record: row({ curve: integer }),
  initial: (key: string) => ({ curve: key === 'D' ? 0 : 2 }),
}

/** A, by the codes 1 to 4 of HTRSET, as the manual rounds them. */
// biome-ignore lint/suspicious/noApproximativeNumericConstant: the instrument's own rounding
const maxCurrents = [0.707, 1, 1.141, 2]

/** The current an output is limited to, A. */
export function maxCurrentOf(setup: ReturnType<typeof heaterSetup.record.decode>): number {
  return setup.max_current === 0 ? setup.max_user_current : (maxCurrents[setup.max_current - 1] ?? Number.NaN)
}

const heater = { heater: z.enum(heaters).default('2').describe('output: 1 has 100 W, 2 has 50 W') }

export const settings: readonly Setting[] = [
  {
    name: 'set_heater_range',
    help: 'Set the range of a heater; no effect in mode off.',
    register: range,
    key: heater,
    params: { range: ranges.schema.describe('off switches the heater off') },
  },
  {
    name: 'set_pid',
    help: 'Set the parameters of a control loop.',
    register: pid,
    key: heater,
    params: {
      P: z.number().min(0.1).max(1000).describe('proportional'),
      I: z.number().min(0.1).max(1000).describe('integral'),
      D: z.number().min(0).max(200).describe('derivative'),
    },
  },
  {
    name: 'set_mode',
    help: 'Set what a heater does.',
    register: outputMode,
    key: heater,
    params: { mode: z.enum(['off', 'closed loop', 'zone', 'open loop']).describe('what it does') },
  },
  {
    name: 'set_input_channel',
    help: 'Set the input that a heater is controlled by.',
    register: outputMode,
    key: heater,
    params: { input: z.enum(['none', ...inputs, 'D1']).describe('input; D1 is D') },
    values: ({ input }: { input: string }) => ({ input: input === 'D1' ? 'D' : input }),
  },
  {
    name: 'set_heater_resistance',
    help: 'Set the resistance of a heater: 25 Ω below 50 Ω, else 50 Ω.',
    register: heaterSetup,
    key: heater,
    params: { resistance: z.number().positive().describe('Ω').meta({ units: 'Ω' }) },
    values: ({ resistance }: { resistance: number }) => ({ resistance: resistance < 50 ? 1 : 2 }),
  },
  {
    name: 'set_max_current',
    help: 'Limit the current of a heater.',
    register: heaterSetup,
    key: heater,
    params: {
      current: z.number().min(0).max(2).describe('A, of which three decimals count').meta({ units: 'A' }),
    },
    values: ({ current }: { current: number }) => {
      const amps = Math.floor(1000 * current) / 1000
      const code = maxCurrents.indexOf(amps) + 1
      return code > 0 ? { max_current: code } : { max_current: 0, max_user_current: amps }
    },
  },
  {
    name: 'set_manual_out',
    help: 'Set the manual output of a heater.',
    register: manualOut,
    key: heater,
    params: {
      percent: z
        .number()
        .min(0)
        .max(100)
        .multipleOf(0.01)
        .describe('% of full current or power')
        .meta({ units: '%' }),
    },
  },
  {
    name: 'set_T_limit',
    help: 'Set the temperature above which outputs controlled by an input are switched off.',
    register: limit,
    key: { channel: z.enum(inputs).default('A').describe('input') },
    params: { T_limit: z.int().min(0).describe('K; 0 for none').meta({ units: 'K' }) },
  },
]

/** An input as it was found. */
export interface Channel {
  readonly input: Input
  readonly name: string
  /** What its fields begin with. */
  readonly field: string
  readonly sensor: keyof typeof unitsOf
  /** There is a curve, so there are temperatures. */
  readonly calibrated: boolean
}

/** Asks for all that the readings depend on; inputs that are disabled are left out. */
export async function surveyChannels(
  link: Link,
  frontPanel: boolean,
): Promise<{ count: number; channels: Channel[] }> {
  const { length: count } = (await link.query('KRDG? 0')).split(',')
  const found: Omit<Channel, 'field'>[] = []
  for (const input of inputs.slice(0, count)) {
    const { sensor } = await recall(link, inputType, input)
    const { name } = await recall(link, inputName, input)
    const { curve } = await recall(link, inputCurve, input)
    if (sensor !== 'disabled') found.push({ input, name, sensor, calibrated: curve !== 0 })
  }
  const names = found.map(({ name }) => name.replaceAll(' ', '_'))
  const channels = found.map((one, at) => {
    const [own, named = ''] = [`Channel_${one.input}`, names[at]]
    const isFree = names.indexOf(named) === names.lastIndexOf(named) && !/^(Channel|Heater)_/.test(named)
    const fits = frontPanel && isFree && FieldName.safeParse(`${named}_status`).success
    return { ...one, field: fits ? named : own }
  })
  return { count, channels }
}

/** What its sensors can tell, thermocouples too, K. */
const KELVIN = [0, 1505]
/** Least steps: 10 µV of a diode are 0.3 mK at 4.2 K. */
const STEPS = { K: 1e-4, V: 1e-5 }

const STATUS =
  'sum of 1 invalid, 16 below and 32 above the curve, 64 and 128 sensor out of range; 0 valid; -1 not read'
const BITS = {
  ...{ 1: 'invalid', 16: 'below its curve', 32: 'above its curve' },
  ...{ 64: 'sensor out of range', 128: 'sensor out of range' },
}

/** What is read of these channels, of an instrument that has so many inputs, and of both heaters. */
export function readingsOf(channels: readonly Channel[], count: number): Reading[] {
  const all = (
    suffix: string,
    of: readonly Channel[],
    spec: (channel: Channel) => object,
  ): Reading['fields'] =>
    Object.fromEntries(
      of.map((channel) => {
        const part = nth(inputs.indexOf(channel.input), decimal, count)
        return [`${channel.field}${suffix}`, { description: channel.name, part, ...spec(channel) }]
      }),
    )
  const block = 'temperatures'
  const calibrated = channels.filter((channel) => channel.calibrated)
  return [
    {
      block,
      command: 'KRDG? 0',
      fields: all('_T', calibrated, () => ({
        units: 'K',
        range: KELVIN,
        resolution: STEPS.K,
        sim: [4.2, 0.002],
      })),
    },
    {
      block,
      command: 'SRDG? 0',
      fields: all('_V', channels, ({ sensor }) => ({
        units: unitsOf[sensor],
        ...(sensor === 'diode' && { resolution: STEPS.V }),
        sim: [1.6, 0.0005],
      })),
    },
    ...channels.map((channel) => ({
      block,
      command: `RDGST? ${channel.input}`,
      fields: {
        [`${channel.field}_status`]: {
          type: 'int' as const,
          description: `${channel.name}: ${STATUS}`,
          bits: BITS,
          part: whole(integer),
          unread: -1,
          sim: 0,
        },
      },
    })),
    ...heaters.flatMap(heaterReadings),
  ]
}

/** The names of fields are those of socs. */
function heaterReadings(output: string): Reading[] {
  const block = 'heaters'
  const name = `Heater_${output}`
  const setup = { decode: (reply: string) => maxCurrentOf(heaterSetup.record.decode(reply)), place: () => {} }
  const one = (command: string, field: string, spec: Reading['fields'][string]): Reading => ({
    block,
    command: `${command}? ${output}`,
    fields: { [`${name}_${field}`]: spec },
  })
  return [
    one('HTR', 'Percent', {
      units: '%',
      resolution: 0.1,
      part: whole(decimal),
      sim: (look) => (look(range, output).range === 'off' ? 0 : look(manualOut, output).percent),
    }),
    one('RANGE', 'Range', { type: 'string', part: whole(ranges), unread: 'unknown' }),
    one('HTRSET', 'Max_Current', { units: 'A', part: setup }),
    one('SETP', 'Setpoint', {
      units: 'K',
      description: 'in the preferred units of its input',
      part: whole(decimal),
    }),
  ]
}
