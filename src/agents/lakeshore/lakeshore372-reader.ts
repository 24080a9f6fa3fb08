import { z } from 'zod'
import { defineAgent } from '../../core/agent.ts'
import { TransportError } from '../../core/errors.ts'
import { poll } from '../../core/poll.ts'
import { decimal } from '../../instrument/codec.ts'
import { addressOf, lakeshore, openLakeshore } from './lakeshore.ts'
import {
  blocksOf,
  type Lakeshore372,
  namesOf,
  type Reading,
  readControl,
  readScanned,
  survey,
  typicalBlocks,
} from './lakeshore372-scan.ts'

/** The instrument takes ten readings a second. */
const HZ = 10

const AcqData = z.object({
  fields: z.record(
    z.string(),
    z.object({ T: z.number().optional(), R: z.number(), status: z.int(), timestamp: z.number() }),
  ),
  errors: z.int(),
})

/** An instrument, and whether its control input is read: that lasts through lost connections. */
export interface Refrigerator extends Lakeshore372 {
  readonly control: { enabled: boolean }
}
const controls = new WeakMap<object, { enabled: boolean }>()

/** The reading half of the agent; `lakeshore372-inputs.ts` adds tasks. */
export const reader = defineAgent({
  ...lakeshore,
  class: 'Lakeshore372Agent',
  dashboard: 'scanner',
  help: 'Reads a Lake Shore 372: scanned channels, control input and heaters.',
  wiring: `Ethernet, TCP port 7777, at the address its panel shows (Interface, Ethernet). The instrument takes two connections
at a time and refuses a third; the agent holds one.`,
  example: { ip_address: '10.10.10.4', serial_number: 'LSA22YG', dwell_time_delay: 0 },
  args: z.object({
    ip_address: z.string().min(1).describe('HOST[:PORT], or replay:FILE; port 7777 by default'),
    serial_number: z.string().min(1).optional().describe('serial number that it must have'),
    dwell_time_delay: z
      .number()
      .min(0)
      .default(0)
      .describe('seconds to skip after a channel change, in addition to the pause'),
    mode: z.enum(['idle', 'init', 'acq']).default('acq').describe('what the agent starts by itself'),
    sample_heater: z.boolean().default(false).describe('record the output of the sample heater'),
    enable_control_chan: z.boolean().default(false).describe('record the control input A'),
    configfile: z
      .string()
      .optional()
      .describe('file of settings, loaded when the agent starts unless idle: see input_configfile'),
    field_names: z
      .enum(['channel', 'front-panel'])
      .default('channel')
      .describe(
        'channel: Channel_05_T, whatever its name; front-panel: the name on the instrument, as in socs',
      ),
  }),
  retired: {
    fake_data: 'use a simulated instrument: ocs sim lakeshore372',
    num_channels: 'the instrument reports which channels are enabled',
    auto_acquire: 'replaced by mode',
  },
  feeds: {
    temperatures: {
      help: 'Temperatures, resistances and heaters.',
      record: true,
      frame_length: 600,
      blocks: blocksOf,
      typical: typicalBlocks(),
    },
  },
  connect: async (args, lab, signal): Promise<Refrigerator> => {
    const control = controls.get(lab) ?? { enabled: args.enable_control_chan }
    controls.set(lab, control)
    const { ip_address, serial_number: serialNumber } = args
    const which = { model: /^LSCI,MODEL372/, serialNumber, signal }
    return openLakeshore(addressOf(ip_address), which, async (line) => ({
      ...(await survey(line)),
      control,
      naming: args.field_names,
    }))
  },
  idle: (instance) => `waiting for: ocs ctrl start --target=${instance}`,
}).process(
  'acq',
  {
    help: 'Follow the scanner, ten readings a second; readings of a channel that is still settling are skipped.',
    params: z.object({
      sample_heater: z.boolean().optional().describe('record the output of the sample heater'),
      run_once: z.boolean().default(false).describe('stop after one reading'),
    }),
    data: AcqData,
    startup: ({ mode }) => mode === 'acq',
  },
  async ({ params, args, instrument, session, feeds, signal }) => {
    const fields: z.input<typeof AcqData>['fields'] = session.data?.fields ?? {}
    let errors = 0
    const told = new Set<string>()
    const bad = (kind: string, why: string) => {
      errors++
      if (!told.has(kind)) session.log(why)
      told.add(kind)
    }
    let declared: unknown
    const done = new AbortController()
    const publish = (block: string, name: string, timestamp: number, reading: Reading) => {
      const values = Object.entries(reading).map(([key, value]) => [`${name}_${key}`, value])
      feeds.temperatures.publish(block, timestamp, Object.fromEntries(values))
      fields[name] = { ...reading, timestamp }
      session.set({ fields, errors })
    }
    const read = async () => {
      const timestamp = Date.now() / 1000
      const sample = await readScanned(instrument, args.dwell_time_delay, bad)
      if (declared !== instrument.inputs) feeds.temperatures.redeclare()
      declared = instrument.inputs
      if (sample) {
        const { block, field } = namesOf(instrument, String(sample.channel))
        publish(block, field, timestamp, sample.reading)
      }
      const now = Date.now() / 1000
      if (instrument.control.enabled)
        publish('control_chan', 'control', now, await readControl(instrument, bad))
      if (params.sample_heater ?? args.sample_heater) {
        const at = Date.now() / 1000
        const sample_heater_output = await instrument.link.read('HTR? 0', decimal.decode, {
          priority: 'poll',
        })
        feeds.temperatures.publish('heaters', at, { sample_heater_output })
      }
      session.degraded = false
      if (sample && params.run_once) done.abort()
    }
    instrument.scan.channel = 0
    const onError = (error: unknown) => {
      if (instrument.link.closed.aborted || !(error instanceof TransportError)) throw error
      session.degrade(error.message)
    }
    await poll(HZ, { session, signal: AbortSignal.any([signal, done.signal]) }, read, { onError })
  },
)
