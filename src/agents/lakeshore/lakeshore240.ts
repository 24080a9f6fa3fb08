import { z } from 'zod'
import { counted } from '../../core/counted.ts'
import { OpError } from '../../core/errors.ts'
import { defineInstrument, type Instrument } from '../../instrument/define-instrument.ts'
import { findSerial } from '../../instrument/find.ts'
import { patient } from '../../instrument/patient.ts'
import { change, givenAddress, lakeshore, mustBe } from './lakeshore.ts'
import {
  byChannel,
  type Channel,
  errorsByChannel,
  inOrder,
  inputName,
  inputType,
  judge,
  type Module,
  readingsOf,
  survey,
  surveyChannel,
  typical,
} from './lakeshore240-channels.ts'
import { uploadCurve } from './lakeshore240-curve.ts'
import { parseCurve } from './lakeshore240-curve-file.ts'

const Number8 = z.int().min(1).max(8).describe('channel, 1–8')
const Bit = z.int().min(0).max(1)
const Hz = z.number().positive().max(100)

export default defineInstrument({
  ...lakeshore,
  class: 'Lakeshore240Agent',
  dashboard: 'diodes',
  help: 'Reads temperatures from a Lake Shore 240 series module.',
  wiring: `USB, as a serial port at 115,200 baud, 8 data bits, no parity, 1 stop bit (set by the agent): give the
serial number, and the port is found, also after replugging. With the module's USB on a serial server: \`--ip-address\`. The account needs the group
\`dialout\`. Inputs of a new module are off: switch them on with \`set_values --enabled=1\`.`,
  example: { serial_number: 'LSA21OQ', sampling_frequency: 2.5 },
  args: z
    .object({
      serial_number: z.string().min(1).optional().describe('the module is found and checked by it'),
      port: z
        .string()
        .optional()
        .describe('its serial port, tcp://HOST:PORT or replay:FILE (then it is not searched)'),
      ip_address: z
        .string()
        .optional()
        .describe('HOST[:PORT] of a serial server it is on; port 7777 by default'),
      field_names: z
        .enum(['channel', 'front-panel'])
        .default('channel')
        .describe('no difference for this module: socs, too, names its fields Channel_1_T'),
      mode: z.enum(['idle', 'init', 'acq']).default('acq').describe('what the agent starts by itself'),
      sampling_frequency: Hz.default(2.5).describe('sweeps over the channels per second, Hz'),
    })
    .refine(({ serial_number, port, ip_address }) => serial_number ?? port ?? ip_address, {
      path: ['serial_number'],
      error: 'serial_number, port or ip_address is needed',
    }),
  retired: {
    num_channels: 'the module reports how many channels it has',
    fake_data: 'use a simulated module: ocs sim lakeshore240',
    auto_acquire: 'replaced by mode',
  },
  address: (args) =>
    givenAddress(args) ?? (async (signal) => (await findSerial(args.serial_number ?? '', { signal })).url),
  open: () => ({ identify: { command: '*IDN?', match: /^LSCI,MODEL240/ } }),
  survey: async (link, { serial_number }, _log, before: Module | undefined) => {
    mustBe(link, serial_number)
    return survey(patient(link), before)
  },
  feed: { name: 'temperatures', help: 'Temperatures and sensor readings.', frame_length: 60 },
  readings: ({ channels }) => readingsOf(channels),
  typical,
  judge,
  acq: {
    help: 'Read all enabled channels continuously.',
    params: { sampling_frequency: Hz.optional().describe('Hz; the agent’s by default') },
    rate: (args, { sampling_frequency = args.sampling_frequency }) => sampling_frequency,
    startup: ({ mode }) => mode === 'acq',
    choose: inOrder,
    nothing: 'no channel is enabled: see set_values',
    data: ({ fields, timestamp, errors, connection: { connected, last_attempt } }, { since }) => ({
      fields: byChannel(fields),
      connection: { last_attempt: connected ? since : last_attempt, connected },
      timestamp,
      errors: errorsByChannel(errors),
    }),
  },
  init: 'init_lakeshore',
})
  // Tasks that set up one channel ask for it alone, so that a sweep beside them costs no other channel a sample.
  .task(
    'set_values',
    {
      help: 'Change the setup of a channel; parameters not given stay.',
      params: z.object({
        channel: Number8,
        sensor: z.int().min(1).max(3).optional().describe('1 diode, 2 platinum RTD, 3 NTC RTD'),
        auto_range: Bit.optional().describe('1 on, 0 off'),
        range: z.int().min(0).max(8).optional().describe('NTC RTD: 0 is 10 Ω (1 mA) … 8 is 100 kΩ (100 nA)'),
        current_reversal: Bit.optional().describe('1 on, 0 off; off for a diode'),
        units: z.int().min(1).max(4).optional().describe('on the panel: 1 K, 2 °C, 3 sensor units, 4 °F'),
        unit: z.int().min(1).max(4).optional().describe('the same as units'),
        enabled: Bit.optional().describe('1 on, 0 off'),
        name: z.string().max(15).optional().describe('on the panel, at most 15 characters'),
      }),
    },
    async ({ params: { channel, name, units, ...rest }, instrument: module, session }) => {
      channelOf(module, channel)
      const given = { ...rest, ...(units !== undefined && { unit: units }) }
      const wanted = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
      const retyped = Object.keys(wanted).length > 0
      if (retyped) module.state.changing.add(channel)
      try {
        if (retyped) await change(module.link, 'INTYPE', channel, inputType, wanted)
        if (name !== undefined) await change(module.link, 'INNAME', channel, inputName, { name })
        session.set(valuesOf(await refresh(module, channel)))
      } finally {
        module.state.changing.delete(channel)
      }
      return `Channel ${channel} is set up.`
    },
  )
  .task(
    'get_values',
    { help: 'The setup of a channel, as data of the session.', params: z.object({ channel: Number8 }) },
    async ({ params: { channel }, instrument: module, session }) => {
      channelOf(module, channel)
      session.set(valuesOf(await refresh(module, channel)))
    },
  )
  .task(
    'upload_cal_curve',
    {
      help: 'Load a calibration curve into a channel and verify it.',
      params: z.object({
        channel: Number8,
        filename: z.string().min(1).describe('a .340 file in the --files-dir of the agent'),
      }),
    },
    async ({ params: { channel, filename }, instrument: module, session, signal, lab }) => {
      channelOf(module, channel)
      const curve = await lab.readFile(filename, (text, name) => parseCurve(name, text))
      module.state.loading.add(channel)
      try {
        await uploadCurve(module.link, channel, curve, signal, (done) => session.set({ channel, ...done }))
      } finally {
        module.state.loading.delete(channel)
      }
      await refresh(module, channel)
      return `Channel ${channel} has the curve ${curve.name} ${curve.serialNumber}, ${counted(curve.points.length, 'point')}.`
    },
  )

function channelOf({ state, link }: Instrument<Module>, number: number): void {
  const { length } = state.channels
  if (number > length) throw new OpError(`${link.identity} has ${length} channels, no ${number}`)
}

/** Asks for a channel's setup; other fields are published from the next sweep on, where it has changed. */
async function refresh(module: Instrument<Module>, number: number): Promise<Channel> {
  const fresh = await surveyChannel(module.link, number)
  const { channels } = module.state
  if (!Bun.deepEquals(fresh, channels[number - 1]))
    module.state = { ...module.state, channels: channels.with(number - 1, fresh) }
  return fresh
}

const valuesOf = ({ number, name, type, calibrated }: Channel) => ({
  ...{ channel: number, name, ...type, units: type.unit },
  calibrated,
})
