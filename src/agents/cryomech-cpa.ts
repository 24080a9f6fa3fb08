import { z } from 'zod'
import { OpError } from '../core/errors.ts'
import { pause } from '../core/pause.ts'
import { addressClaims, serialClaims } from '../instrument/claims.ts'
import { integer, row } from '../instrument/codec.ts'
import { defineInstrument } from '../instrument/define-instrument.ts'
import { float32, integral, uint16 } from '../instrument/modbus-parts.ts'
import type { Register } from '../instrument/registers.ts'
import type { Reading, Simulated, SimulatedInstrument } from '../instrument/table.ts'
import { addressFrom } from '../instrument/transport/address.ts'

/** All of the compressor's input registers. */
const ALL = 'input 1 53'
/** Units by the codes of Pressure_Unit and Temperature_Unit. */
const [PRESSURE, TEMPERATURE] = [
  ['psi', 'bar', 'kPa'],
  ['°F', '°C', 'K'],
]
/** Plausible ranges by unit: pressure, temperature, ampere, hour. */
const RANGES: Readonly<Record<string, readonly [number, number | null]>> = {
  psi: [-10, 600],
  bar: [-1, 42],
  kPa: [-100, 4200],
  '°F': [0, 250],
  '°C': [-20, 120],
  K: [250, 400],
  A: [-1, 100],
  h: [0, null],
}
/** Least steps that are shown, by unit: floats have none of their own. */
const STEPS: Readonly<Record<string, number>> = {
  ...{ psi: 0.01, bar: 0.001, kPa: 0.1 },
  ...{ '°F': 0.01, '°C': 0.01, K: 0.01, A: 0.01, h: 0.1 },
}
/** The register that switches it, with what to write. */
const power: Register = { name: 'write 1', record: row({ word: integer }), initial: { word: 1 } }
const words = { on: 1, off: 255 }
/** s that the compressor has to follow. */
const FOLLOWS_S = 10
const OPERATING =
  '0 idling, 2 starting, 3 running, 5 stopping, 6 error lockout, 7 error, 8 helium cool down, 9 power error, 15 recovered'
const runs = (state: number) => [2, 3, 8].includes(state)

/** The readings, with names as in socs and the compressor's register numbers. */
function readingsOf(pressure = '', temperature = ''): readonly Reading[] {
  const number = (place: number, units: string, sim: Simulated, description?: string) => ({
    part: float32(place),
    sim,
    ...(units in RANGES && { range: RANGES[units], resolution: STEPS[units] }),
    ...(units ? { units } : { description: 'in the unit of Pressure_Unit or Temperature_Unit' }),
    ...(description && { description }),
  })
  const code = (part: ReturnType<typeof uint16>, description: string, sim: Simulated, unread = -1) => ({
    type: 'int' as const,
    description: `${description}; ${unread} not read`,
    ...{ part, sim, unread },
  })
  // Warnings and alarms are negative powers of two, kept as floats.
  const sum = (place: number, what: string) =>
    code(integral(float32(place)), `sum of ${what}, each negative; 0 none`, 0, 1)
  const on =
    (yes: number, no: number): Simulated =>
    (look) =>
      look(power)['word'] === words.on ? yes : no
  return [
    {
      block: 'ptc_status',
      command: ALL,
      fields: {
        Operating_State: code(uint16(0), OPERATING, on(3, 0)),
        Compressor_State: code(uint16(1), '0 off, 1 on', on(1, 0)),
        Warning_State: sum(2, 'warnings'),
        Alarm_State: sum(4, 'alarms'),
        Coolant_In_Temp: number(6, temperature, [18, 0.05]),
        Coolant_Out_Temp: number(8, temperature, [27, 0.05]),
        Oil_Temp: number(10, temperature, [38, 0.1]),
        Helium_Temp: number(12, temperature, [69, 0.1]),
        Low_Pressure: number(14, pressure, [86, 0.5]),
        Low_Pressure_Average: number(16, pressure, [86, 0.05]),
        High_Pressure: number(18, pressure, [298, 2]),
        High_Pressure_Average: number(20, pressure, [298, 0.2]),
        Delta_Pressure_Average: number(22, pressure, [212, 0.2]),
        Motor_Current: number(24, 'A', on(21.5, 0)),
        Hours_of_Operation: number(26, 'h', 8765),
        Pressure_Unit: code(uint16(28), '0 psi, 1 bar, 2 kPa', 0),
        Temperature_Unit: code(uint16(29), '0 °F, 1 °C, 2 K', 1),
      },
    },
  ]
}

const addressOf = ({ ip_address, port }: { readonly ip_address: string; readonly port: number }) =>
  addressFrom('modbus', ip_address, port, '/1')

export default defineInstrument({
  class: 'CryomechCPAAgent',
  help: 'Reads a Cryomech CPA compressor and switches it on and off.',
  args: z.object({
    ip_address: z.string().describe('its host, or a whole address such as modbus://10.0.0.5:502/1'),
    port: z.int().min(1).max(65_535).default(502).describe('TCP port'),
    serial_number: z
      .string()
      .optional()
      .describe('a label; logged beside the compressor’s own serial number'),
    mode: z.enum(['idle', 'init', 'acq']).default('acq').describe('what the agent starts by itself'),
    f_sample: z
      .number()
      .positive()
      .max(20)
      .default(2.5)
      .describe('readings in a second, Hz')
      .meta({ units: 'Hz' }),
  }),
  retired: { fake_errors: 'a simulated compressor has faults on command: ocs sim cryomech-cpa' },
  wiring:
    'Ethernet, Modbus-TCP at port 502. Off the network: `ocs sim cryomech-cpa --serial-number=1234 --tcp=127.0.0.1:5020`.',
  example: { ip_address: '10.10.10.111' },
  address: addressOf,
  claims: (args) => [
    ...serialClaims('serial_number', args.serial_number),
    ...addressClaims(addressOf(args), args),
  ],
  label: ({ serial_number }) => serial_number,
  // A recorded dialog is not asked who it is.
  open: () => ({ identify: null }),
  survey: async (link, { serial_number }, log) => {
    const reply = (await link.query(ALL)).split(',').map(Number)
    const [pressure = -1, temperature = -1, serial, model = 0, software = 0] = reply.slice(28)
    const pair = (word: number, between: string) => `${word >> 8}${between}${word & 255}`
    log(
      `compressor model ${pair(model, '_')}, serial number ${serial}, software ${pair(software, '.')}` +
        (serial_number ? `; its label is ${serial_number}` : ''),
    )
    return { pressure: PRESSURE?.[pressure], temperature: TEMPERATURE?.[temperature] }
  },
  feed: {
    name: 'ptc_status',
    help: 'State, temperatures and pressures of the compressor.',
    frame_length: 60,
  },
  readings: ({ pressure, temperature }) => readingsOf(pressure, temperature),
  acq: {
    help: 'Read the compressor.',
    rate: ({ f_sample }) => f_sample,
    startup: ({ mode }) => mode === 'acq',
  },
  init: 'init',
}).task(
  'power_ptc',
  {
    help: 'Switch the compressor on or off, and wait until it has done so.',
    params: z.object({ state: z.enum(['off', 'on']).describe('the state to switch to') }),
  },
  async ({ params: { state }, instrument: { link }, session, signal }) => {
    await link.send(`write 1 ${words[state]}`)
    for (const begun = performance.now(); ; ) {
      const operating = await link.read('input 1 1', uint16(0).decode)
      session.set({ state, Operating_State: operating })
      if (runs(operating) === (state === 'on'))
        return `The compressor is ${state}: Operating_State ${operating}.`
      if (performance.now() - begun > FOLLOWS_S * 1000 || signal.aborted)
        throw new OpError(
          `it was switched ${state} but has not followed yet: Operating_State ${operating} (${OPERATING})`,
        )
      await pause(500, signal)
    }
  },
)

/** The same compressor as `ocs sim cryomech-cpa` has it. */
export const simulated: SimulatedInstrument = {
  help: 'Cryomech CPA: a compressor that runs, with Modbus-TCP.',
  served: 'modbus',
  readings: [
    ...readingsOf(),
    {
      block: 'identity',
      command: ALL,
      fields: {
        serial: { part: uint16(30), sim: 1234 },
        model: { part: uint16(31), sim: 0x1101 },
        software: { part: uint16(32), sim: 0x0203 },
        rest: { part: uint16(52), sim: 0 },
      },
    },
  ],
  registers: [power],
}
