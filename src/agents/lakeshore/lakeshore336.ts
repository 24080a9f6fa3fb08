import { z } from 'zod'
import { OpError } from '../../core/errors.ts'
import type { Value } from '../../core/wire.ts'
import { decimal } from '../../instrument/codec.ts'
import { defineInstrument } from '../../instrument/define-instrument.ts'
import { patient } from '../../instrument/patient.ts'
import { change, recall } from '../../instrument/registers.ts'
import type { SimulatedInstrument } from '../../instrument/table.ts'
import { addressOf, lakeshore, mustBe } from './lakeshore.ts'
import { channelAttributes, heaterAttributes, namesOf } from './lakeshore336-attributes.ts'
import { Lately, servo } from './lakeshore336-servo.ts'
import { simulatedTable } from './lakeshore336-simulated.ts'
import * as table from './lakeshore336-table.ts'

const { heaters, inputs } = table
const Hz = z.number().positive().max(10)
const heater = z.enum(heaters).default('2').describe('output: 1 has 100 W, 2 has 50 W')
const channel = z
  .enum([...inputs, 'D1'])
  .default('A')
  .describe('input; D1 is D')

/** Status bits with which no temperature, and no sensor reading either, means anything. */
const [KELVIN_BAD, SENSOR_BAD] = [1 | 16 | 32 | 64 | 128, 1 | 64 | 128]

export default defineInstrument({
  ...lakeshore,
  class: 'Lakeshore336Agent',
  help: 'Reads temperatures from a Lake Shore 336, and controls its heaters 1 and 2.',
  args: z.object({
    serial_number: z.string().optional().describe('the instrument has to have it'),
    ip_address: z.string().describe('HOST[:PORT], port 7777 by default, or a whole address'),
    f_sample: Hz.default(0.1).describe('sweeps over the channels per second, Hz').meta({ units: 'Hz' }),
    threshold: z
      .number()
      .positive()
      .default(0.1)
      .describe('of check_temperature_stability, K')
      .meta({ units: 'K' }),
    window: z
      .number()
      .positive()
      .max(7200)
      .default(900)
      .describe('of check_temperature_stability, s')
      .meta({ units: 's' }),
    auto_acquire: z.boolean().default(true).describe('whether readings begin with the agent'),
    field_names: z
      .enum(['channel', 'front-panel'])
      .default('channel')
      .describe('what fields begin with: Channel_A, or the name on the front panel as with socs'),
  }),
  wiring:
    'Ethernet, TCP port 7777; the instrument serves two programs at a time. Its address is under Interface on the front panel. Off the network: `ocs sim lakeshore336 --serial-number=LSA336X --tcp=127.0.0.1:7777`.',
  example: { serial_number: 'LSA336X', ip_address: '10.10.10.4' },
  address: ({ ip_address }) => addressOf(ip_address),
  // The manual asks for 50 ms between commands.
  open: () => ({ identify: { command: '*IDN?', match: /^LSCI,MODEL336/ }, gap: 50 }),
  survey: async (link, { serial_number, field_names }) => {
    mustBe(link, serial_number)
    return {
      ...(await table.surveyChannels(patient(link), field_names === 'front-panel')),
      lately: new Lately(),
    }
  },
  feed: { name: 'temperatures', help: 'Temperatures, sensor readings and heaters.', frame_length: 600 },
  readings: ({ channels, count }) => table.readingsOf(channels, count),
  judge: (values, { channels }) => {
    for (const { field: name } of channels) {
      const status = Number(values[`${name}_status`])
      if (`${name}_T` in values && status & KELVIN_BAD) values[`${name}_T`] = Number.NaN
      if (`${name}_V` in values && status & SENSOR_BAD) values[`${name}_V`] = Number.NaN
    }
  },
  acq: {
    help: 'Read all inputs and both heaters, sweep after sweep.',
    params: { f_sample: Hz.optional().describe('sweeps in a second, Hz; the agent’s by default') },
    rate: (args, { f_sample = args.f_sample }) => f_sample,
    startup: ({ auto_acquire }) => auto_acquire,
    data: ({ timestamp, blocks, errors, connection }, { channels, lately }) => {
      const of = (block: string) => blocks.find((one) => one.block === block)?.values ?? {}
      const temperatures = of('temperatures')
      lately.add(kelvinOf(temperatures, channels))
      const ls336_fields = { timestamp, block_name: 'temperatures', data: temperatures }
      return { ls336_fields, heaters: of('heaters'), errors, connection }
    },
  },
  init: 'init_lakeshore',
  settings: table.settings,
})
  .task(
    'set_setpoint',
    {
      help: 'Turn the ramp of a heater off and set its temperature.',
      params: z.object({
        setpoint: z.number().describe('in the preferred units of its input, K as a rule'),
        heater,
      }),
    },
    async ({ params: { setpoint, heater }, instrument: { link, state }, session }) => {
      await change(link, table.ramp, heater, { on: false })
      session.set(await change(link, table.setpoint, heater, { setpoint }))
      state.lately.told.set(heater, setpoint)
      return `The ramp of heater ${heater} is off, its setpoint ${setpoint}.`
    },
  )
  .task(
    'servo_to_temperature',
    {
      help: 'Ramp a heater’s setpoint from the temperature it has to another; a heater that is off stays off.',
      params: z.object({
        temperature: z.number().positive().describe('K').meta({ units: 'K' }),
        ramp: z.number().min(0.1).max(100).default(0.1).describe('K/min').meta({ units: 'K/min' }),
        heater,
        transport: z.boolean().default(false).describe('restart the control loop when it is reached'),
        transport_offset: z
          .number()
          .min(0)
          .default(0)
          .describe('K before it, when it rises')
          .meta({ units: 'K' }),
      }),
    },
    async ({ params, instrument: { link, state }, session, signal }) => {
      await servo(link, state.lately, params, (text) => session.log(text), signal)
      return `The setpoint of heater ${params.heater} is ${params.temperature} K.`
    },
  )
  .task(
    'check_temperature_stability',
    {
      help: 'Succeed when all readings in a window are close to the last setpoint.',
      params: z.object({
        threshold: z
          .number()
          .positive()
          .optional()
          .describe('K; the agent’s by default')
          .meta({ units: 'K' }),
        window: z
          .number()
          .positive()
          .max(7200)
          .optional()
          .describe('s; the agent’s by default')
          .meta({ units: 's' }),
        heater,
      }),
    },
    async ({ params, args, instrument: { link, state }, session }) => {
      const { threshold = args.threshold, window = args.window } = params
      const { input } = await recall(link, table.outputMode, params.heater)
      const told = state.lately.told.get(params.heater)
      const wanted = told ?? (await recall(link, table.setpoint, params.heater)).setpoint
      const past = state.lately.since(input, window)
      const now = await link.read(`KRDG? ${input}`, decimal.decode)
      const furthest = Math.max(...[now, ...past].map((kelvin) => Math.abs(kelvin - wanted)))
      session.set({ setpoint: wanted, furthest, readings: past.length + 1 })
      if (!(furthest < threshold))
        throw new OpError(`not stable: up to ${furthest} K from ${wanted} K in the last ${window} s`)
      return `Stable: at most ${furthest} K from ${wanted} K in the last ${window} s.`
    },
  )
  .task(
    'get_channel_attribute',
    {
      help: 'The setup of an input, as data of the session.',
      params: z.object({
        attribute: z.enum(namesOf(channelAttributes)).describe('which'),
        channel,
      }),
    },
    async ({ params: { attribute, channel }, instrument: { link, state }, session }) => {
      const input = channel === 'D1' ? 'D' : channel
      if (inputs.indexOf(input) >= state.count) throw new OpError(`${link.identity} has no input ${channel}`)
      session.set({ [attribute]: await channelAttributes[attribute]?.(link, input) })
    },
  )
  .task(
    'get_heater_attribute',
    {
      help: 'Setup and state of a heater, as data of the session.',
      params: z.object({ attribute: z.enum(namesOf(heaterAttributes)).describe('which'), heater }),
    },
    async ({ params: { attribute, heater }, instrument: { link }, session }) => {
      session.set({ [attribute]: await heaterAttributes[attribute]?.(link, heater) })
    },
  )

/** Temperatures by input. */
function kelvinOf(
  values: Readonly<Record<string, Value>>,
  channels: Awaited<ReturnType<typeof table.surveyChannels>>['channels'],
): Map<string, number> {
  return new Map(channels.map(({ input, field }) => [input, Number(values[`${field}_T`] ?? Number.NaN)]))
}

/** The same instrument as `ocs sim lakeshore336` has it: four diodes, the fourth without a curve. */
export const simulated: SimulatedInstrument = {
  help: 'Lake Shore 336: four diodes, the fourth without a curve, and two heaters.',
  identity: 'LSCI,MODEL336,{serial}/0000000,2.9',
  ...simulatedTable,
}
