import { z } from 'zod'
import { ConfigError, OpError } from '../core/errors.ts'
import { type Cell, decimal, integer, onOff, row } from '../instrument/codec.ts'
import { defineInstrument } from '../instrument/define-instrument.ts'
import { type Part, whole } from '../instrument/parts.ts'
import { change, type Register, recall } from '../instrument/registers.ts'
import type { Reading, SimulatedInstrument } from '../instrument/table.ts'
import { addressFrom } from '../instrument/transport/address.ts'
import { type Form, findForm, formOf, MOST, measured, SELECT } from './scpi-psu-form.ts'

const PROLOGIX_PORT = 1234
/** Channels by model, as socs knows them; others are asked. */
const CHANNELS: readonly (readonly [RegExp, number])[] = [
  [/^(2280S-(60-3|32-6)|917[12]|918[1-5])$/, 1],
  [/^917[34]$/, 2],
  [/^2230G-30-1$/, 3],
]

/** The settings of each channel; with a single channel there is nothing to select. */
function registersOf({ count, output, state }: Form) {
  const of = <T extends string>(
    name: string,
    key: T,
    cell: Cell<never> | Cell<number> | Cell<boolean>,
    initial: unknown,
    query?: string,
  ): Register => ({
    name,
    record: row({ [key]: cell as Cell<unknown> }),
    initial: { [key]: initial },
    ...(query && { query }),
    ...(count > 1 && { selectedBy: SELECT }),
  })
  return {
    volts: of('VOLT', 'volts', decimal, 0),
    current: of('CURR', 'current', decimal, 0.1),
    output: of(output, 'state', onOff, false, state),
  }
}
type Registers = ReturnType<typeof registersOf>

const select = (count: number, channel: number) => (count > 1 ? `${SELECT} ${channel}\n` : '')
const measure = ({ count, isNamed }: Form, channel: number, what: string) =>
  `${select(count, channel)}MEAS:${what}?${isNamed ? ` CH${channel}` : ''}`

/** 1 or 0, also for a supply that answers ON and OFF. */
const switched: Part<number> = { decode: (reply) => Number(onOff.decode(reply)), place: whole(integer).place }

/** State, voltage and current of each channel. */
function readingsOf(form: Form, { output, volts }: Registers): readonly Reading[] {
  const { count } = form
  return Array.from({ length: count }, (_, i) => i + 1).flatMap((channel): Reading[] => {
    const key = count > 1 ? String(channel) : ''
    const state = `Output_${channel}`
    const when = (values: Readonly<Record<string, unknown>>) => values[state] === 1
    return [
      {
        block: 'output',
        command: `${select(count, channel)}${output.query}`,
        fields: {
          [state]: { type: 'int', description: '1 on, 0 off, -1 not read', part: switched, unread: -1 },
        },
      },
      {
        block: 'output',
        command: measure(form, channel, 'VOLT'),
        fields: {
          [`Voltage_${channel}`]: {
            units: 'V',
            resolution: 1e-4,
            part: measured('V'),
            sim: (look) => (look(output, key)['state'] ? Number(look(volts, key)['volts']) : 0),
          },
        },
        when,
      },
      {
        block: 'output',
        command: measure(form, channel, 'CURR'),
        fields: {
          [`Current_${channel}`]: {
            units: 'A',
            resolution: 1e-5,
            part: measured('A'),
            sim: (look) => (look(output, key)['state'] ? Number(look(volts, key)['volts']) / 100 : 0),
          },
        },
        when,
      },
    ]
  })
}

const most = (units: string) => z.number().positive().optional().meta({ units })
const channel = z.int().min(1).max(MOST).describe(`channel, 1 to ${MOST}`)

export default defineInstrument({
  class: 'ScpiPsuAgent',
  help: 'Reads and sets a power supply that speaks SCPI, by Ethernet or by GPIB behind a Prologix controller.',
  args: z.object({
    ip_address: z.string().describe('its host, or that of the controller, or a whole address'),
    port: z.int().min(1).max(65_535).optional().describe('TCP port of a supply on Ethernet'),
    gpib_slot: z.int().min(0).max(30).optional().describe('GPIB address behind a Prologix controller'),
    channels: z.int().min(1).max(MOST).optional().describe('number of channels; detected by default'),
    max_volts: most('V').describe('limit of set_voltage, V; by default that of the supply'),
    max_current: most('A').describe('limit of set_current, A; by default that of the supply'),
    mode: z.enum(['idle', 'init', 'acq']).default('acq').describe('what the agent starts by itself'),
  }),
  wiring:
    'Ethernet, usually TCP port 5025: `--port=5025`. Or GPIB behind a Prologix controller, TCP port 1234: `--gpib-slot=5`. Off the network: `ocs sim scpi-psu --serial-number=1 --tcp=127.0.0.1:5025`, or `ocs sim prologix-psu`, with the supply at address 5.',
  example: { ip_address: '10.10.10.5', gpib_slot: 5 },
  address: ({ ip_address, port, gpib_slot }) => {
    if (port === undefined && gpib_slot !== undefined)
      return addressFrom('prologix', ip_address, PROLOGIX_PORT, `/${gpib_slot}`)
    if (port === undefined && !/^[a-z]+:/.test(ip_address))
      throw new ConfigError('either --port or --gpib-slot is needed: how is the supply connected?')
    return addressFrom('tcp', ip_address, port ?? 0)
  },
  // socs' drivers wait as long after each message.
  open: () => ({ terminator: '\n', gap: 100 }),
  survey: async (link, { channels }, log) => {
    const model = (link.identity.split(',')[1] ?? '').trim().replace(/^MODEL /i, '')
    const known = CHANNELS.find(([form]) => form.test(model))?.[1]
    const form = known === undefined ? await findForm(link, channels) : formOf(channels ?? known)
    if (known === undefined) log(`${link.identity}: unknown model; channels: ${form.count}`)
    return { form, registers: registersOf(form) }
  },
  feed: { name: 'psu_output', help: 'Voltages and currents.', frame_length: 600 },
  readings: ({ form, registers }) => readingsOf(form, registers),
  acq: {
    name: 'monitor_output',
    help: 'Measure the channels; one that is off is NaN.',
    params: {
      wait: z.number().positive().default(1).describe('seconds between measurements').meta({ units: 's' }),
      channels: z.array(channel).optional().describe('channels to measure; all by default'),
    },
    rate: (_args, { wait }) => 1 / wait,
    startup: ({ mode }) => mode === 'acq',
    choose: (readings, { channels }) =>
      readings.filter(({ fields }) =>
        Object.keys(fields).some((name) => channels?.includes(Number(name.slice(-1))) ?? true),
      ),
    data: ({ timestamp, blocks, errors, connection }) => {
      return { timestamp, block_name: 'output', data: blocks[0]?.values ?? {}, errors, connection }
    },
  },
  init: 'init',
})
  .task(
    'set_voltage',
    {
      help: 'Set the voltage of a channel.',
      params: z.object({ channel, volts: z.number().min(0).describe('V').meta({ units: 'V' }) }),
    },
    async ({ params: { channel, volts }, args, instrument: { link, state }, session }) => {
      mustBeWithin(volts, 'V', args.max_volts, '--max-volts')
      session.set(await change(link, state.registers.volts, keyOf(state.form.count, channel), { volts }))
      return `Channel ${channel} is set to ${volts} V.`
    },
  )
  .task(
    'set_current',
    {
      help: 'Set the current of a channel.',
      params: z.object({ channel, current: z.number().min(0).describe('A').meta({ units: 'A' }) }),
    },
    async ({ params: { channel, current }, args, instrument: { link, state }, session }) => {
      mustBeWithin(current, 'A', args.max_current, '--max-current')
      session.set(await change(link, state.registers.current, keyOf(state.form.count, channel), { current }))
      return `Channel ${channel} is set to ${current} A.`
    },
  )
  .task(
    'set_output',
    {
      help: 'Switch a channel on or off.',
      params: z.object({ channel, state: z.boolean().describe('true for on') }),
    },
    async ({ params: { channel, state: on }, instrument: { link, state }, session }) => {
      const key = keyOf(state.form.count, channel)
      if (on && state.form.output === 'CHAN:OUTP')
        await link.send(`${select(state.form.count, channel)}OUTP:ENAB ON`)
      session.set(await change(link, state.registers.output, key, { state: on }))
      return `Channel ${channel} is ${on ? 'on' : 'off'}.`
    },
  )
  .task(
    'get_voltage',
    { help: 'Measure the voltage of a channel.', params: z.object({ channel }) },
    async ({ params: { channel }, instrument: { link, state }, session }) => {
      await mustBeOn(await recall(link, state.registers.output, keyOf(state.form.count, channel)), channel)
      const voltage = await link.read(measure(state.form, channel, 'VOLT'), measured('V').decode)
      session.set({ timestamp: Date.now() / 1000, channel, voltage })
    },
  )
  .task(
    'get_current',
    { help: 'Measure the current of a channel.', params: z.object({ channel }) },
    async ({ params: { channel }, instrument: { link, state }, session }) => {
      await mustBeOn(await recall(link, state.registers.output, keyOf(state.form.count, channel)), channel)
      const current = await link.read(measure(state.form, channel, 'CURR'), measured('A').decode)
      session.set({ timestamp: Date.now() / 1000, channel, current })
    },
  )
  .task(
    'get_output',
    { help: 'Whether a channel is on.', params: z.object({ channel }) },
    async ({ params: { channel }, instrument: { link, state }, session }) => {
      const { state: on } = await recall(link, state.registers.output, keyOf(state.form.count, channel))
      session.set({ timestamp: Date.now() / 1000, channel, state: on ? 1 : 0 })
      return `Channel ${channel} is ${on ? 'on' : 'off'}.`
    },
  )

function keyOf(count: number, channel: number): string {
  if (channel > count) throw new OpError(`the supply has ${count} channels, so no channel ${channel}`)
  return count > 1 ? String(channel) : ''
}

function mustBeWithin(value: number, units: string, most: number | undefined, flag: string): void {
  if (most !== undefined && value > most)
    throw new OpError(`${value} ${units} is above the ${most} ${units} that ${flag} of this agent allows`)
}

function mustBeOn({ state }: Readonly<Record<string, unknown>>, channel: number): void {
  if (!state) throw new OpError(`channel ${channel} is off: switch it on to measure`)
}

/** A Keithley 2230G with three channels, as `ocs sim scpi-psu` has it. */
export const simulated: SimulatedInstrument = {
  help: 'Keithley 2230G: a power supply of three channels.',
  behindPrologix: 'prologix-psu',
  identity: 'Keithley Instruments,2230G-30-1,{serial},1.16',
  readings: readingsOf(formOf(3), registersOf(formOf(3))),
  registers: [
    { name: SELECT, record: row({ channel: integer }), initial: { channel: 1 } },
    ...Object.values(registersOf(formOf(3))),
  ],
}
