import { z } from 'zod'
import { defineAgent } from '../../core/agent.ts'
import { OpError } from '../../core/errors.ts'
import { poll } from '../../core/poll.ts'
import { Watch } from '../../core/watch.ts'
import { findSerial } from '../../instrument/find.ts'
import { change, givenAddress, lakeshore, openLakeshore } from './lakeshore.ts'
import {
  blocksOf,
  type Channel,
  inputName,
  inputType,
  isEnabled,
  type Lakeshore240,
  type Reading,
  readChannel,
  survey,
  surveyChannel,
  typicalBlocks,
  unread,
} from './lakeshore240-channels.ts'
import { uploadCurve } from './lakeshore240-curve.ts'
import { parseCurve } from './lakeshore240-curve-file.ts'

const Number8 = z.int().min(1).max(8).describe('channel, 1–8')
const Bit = z.int().min(0).max(1)
const Hz = z.number().positive().max(100)
/** ms without a reading that are no news: a lone late reply has 2000. */
const PATIENCE = 2500

const AcqData = z.object({
  fields: z.record(z.string(), z.object({ T: z.number().optional(), V: z.number(), status: z.int() })),
  connection: z.object({ last_attempt: z.number(), connected: z.boolean() }),
  timestamp: z.number(),
  errors: z.record(z.string(), z.int()),
})

export default defineAgent({
  ...lakeshore,
  class: 'Lakeshore240Agent',
  dashboard: 'diodes',
  help: 'Reads temperatures from a Lake Shore 240 series module.',
  wiring: `USB, a serial port of its own at 115,200 baud, 8 data bits, no parity, 1 stop bit (set by the agent): give the
serial number, and the port is found and found again. With the module's USB on a serial server: \`--ip-address\`. The account needs the group
\`dialout\`. Inputs are off when the module is new: switch them on by \`set_values --enabled=1\`.`,
  example: { serial_number: 'LSA21OQ', sampling_frequency: 2.5 },
  args: z
    .object({
      serial_number: z.string().min(1).optional().describe('the module is found by it, and has to have it'),
      port: z
        .string()
        .optional()
        .describe('its serial port, tcp://HOST:PORT or replay:FILE; not searched then'),
      ip_address: z
        .string()
        .optional()
        .describe('HOST[:PORT] of a serial server it is on; port 7777 by default'),
      field_names: z
        .enum(['channel', 'front-panel'])
        .default('channel')
        .describe('no difference for this module: socs, too, names its fields Channel_1_T'),
      mode: z.enum(['idle', 'init', 'acq']).default('acq').describe('what starts with the agent'),
      sampling_frequency: Hz.default(2.5).describe('sweeps over the channels in a second, Hz'),
    })
    .refine(({ serial_number, port, ip_address }) => serial_number ?? port ?? ip_address, {
      path: ['serial_number'],
      error: 'serial_number, port or ip_address is needed',
    }),
  retired: {
    num_channels: 'the module says how many channels it has',
    fake_data: 'a simulated module takes its place: ocs sim lakeshore240',
    auto_acquire: 'mode takes its place',
  },
  feeds: {
    temperatures: {
      help: 'Temperatures and sensor readings.',
      record: true,
      frame_length: 60,
      blocks: blocksOf,
      typical: typicalBlocks(),
    },
  },
  connect: async (args, _lab, signal): Promise<Lakeshore240> => {
    const { serial_number } = args
    const address = givenAddress(args) ?? (await findSerial(serial_number ?? '', { signal })).url
    return openLakeshore(address, { model: /^LSCI,MODEL240/, serialNumber: serial_number, signal }, survey)
  },
  idle: (instance) => `waiting for: ocs ctrl start --target=${instance}`,
})
  .process(
    'acq',
    {
      help: 'Read all enabled channels, sweep after sweep.',
      params: z.object({ sampling_frequency: Hz.optional().describe('Hz; that of the agent by default') }),
      data: AcqData,
      startup: ({ mode }) => mode === 'acq',
    },
    async ({ params, args, instrument: module, session, feeds, signal }) => {
      const errors: Record<string, number> = {}
      let declared: readonly Channel[] | undefined
      const connection = { last_attempt: module.since, connected: true }
      using watch = new Watch(PATIENCE, () => {
        if (!session.degraded) session.log(`nothing has been read for ${PATIENCE / 1000} s`)
        session.degraded = true
      })
      const sweep = async () => {
        watch.heard()
        if (declared !== module.channels) {
          declared = module.channels
          feeds.temperatures.redeclare()
        }
        const timestamp = Date.now() / 1000
        const fields: Record<string, Reading> = {}
        for (const channel of declared.filter(isEnabled)) {
          const name = `Channel_${channel.number}`
          const failed = (error: unknown) => {
            if (module.link.closed.aborted || signal.aborted) throw error
            errors[name] = (errors[name] ?? 0) + 1
          }
          fields[name] = await readChannel(module, channel, failed).catch((error) => {
            failed(error)
            return unread(channel)
          })
          if (isRead(fields[name])) watch.heard()
        }
        watch[Symbol.dispose]()
        const values = Object.entries(fields).flatMap(([name, reading]) =>
          Object.entries(reading).map(([key, value]) => [`${name}_${key}`, value] as const),
        )
        if (values.length > 0) feeds.temperatures.publish('temps', timestamp, Object.fromEntries(values))
        session.set({ fields, connection, timestamp, errors })
        const failing = !Object.values(fields).some(isRead)
        if (failing && !session.degraded)
          session.log(values.length > 0 ? 'no channel can be read' : 'no channel is enabled: see set_values')
        session.degraded = failing
      }
      try {
        await poll(params.sampling_frequency ?? args.sampling_frequency, { session, signal }, sweep)
      } catch (error) {
        const lost = { last_attempt: Date.now() / 1000, connected: false }
        if (session.data?.fields) session.set({ ...session.data, connection: lost })
        throw error
      }
    },
  )
  .task(
    'init_lakeshore',
    {
      help: 'Ask the module for its setup anew.',
      params: z.object({ auto_acquire: z.boolean().default(false).describe('start acq afterwards') }),
      startup: ({ mode }) => mode === 'init',
    },
    async ({ instrument: module, params, start }) => {
      module.channels = (await survey(module.link)).channels
      if (params.auto_acquire) start('acq')
      return `${module.link.identity}: ${module.channels.filter(isEnabled).length} channels enabled`
    },
  )
  .task(
    'set_values',
    {
      help: 'Change the setup of a channel; what is not given stays.',
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
      if (retyped) module.changing.add(channel)
      try {
        if (retyped) await change(module.link, 'INTYPE', channel, inputType, wanted)
        if (name !== undefined) await change(module.link, 'INNAME', channel, inputName, { name })
        session.set(valuesOf(await refresh(module, channel)))
      } finally {
        module.changing.delete(channel)
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
      help: 'Load a calibration curve into a channel and compare it with what the module has then.',
      params: z.object({
        channel: Number8,
        filename: z.string().min(1).describe('a .340 file in the --files-dir of the agent'),
      }),
    },
    async ({ params: { channel, filename }, instrument: module, session, signal, lab }) => {
      channelOf(module, channel)
      const curve = await lab.readFile(filename, (text, name) => parseCurve(name, text))
      module.loading.add(channel)
      try {
        await uploadCurve(module.link, channel, curve, signal, (done) => session.set({ channel, ...done }))
      } finally {
        module.loading.delete(channel)
      }
      await refresh(module, channel)
      return `Channel ${channel} has the curve ${curve.name} ${curve.serialNumber}, ${curve.points.length} points.`
    },
  )

/** Whether a reading has anything: its status, or a value beside one that did not come. */
const isRead = ({ T = Number.NaN, V, status }: Reading): boolean =>
  status !== -1 || !(Number.isNaN(T) && Number.isNaN(V))

function channelOf({ channels, link }: Lakeshore240, number: number): void {
  if (number > channels.length)
    throw new OpError(`${link.identity} has ${channels.length} channels, no ${number}`)
}

/** Asks for a channel's setup; other fields are published from the next sweep on, where it has changed. */
async function refresh(module: Lakeshore240, number: number): Promise<Channel> {
  const fresh = await surveyChannel(module.link, number)
  if (!Bun.deepEquals(fresh, module.channels[number - 1]))
    module.channels = module.channels.with(number - 1, fresh)
  return fresh
}

const valuesOf = ({ number, name, type, calibrated }: Channel) => ({
  ...{ channel: number, name, ...type, units: type.unit },
  calibrated,
})
