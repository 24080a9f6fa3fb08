import { z } from 'zod'
import { systemClock } from '../../core/clock.ts'
import { OpError } from '../../core/errors.ts'
import { change, recall } from './lakeshore.ts'
import { applyConfig, configOf, readConfig } from './lakeshore372-configfile.ts'
import { reading } from './lakeshore372-inputs.ts'
import type { Refrigerator } from './lakeshore372-reader.ts'
import { survey } from './lakeshore372-scan.ts'
import {
  codeOf,
  heaterRange,
  heaterRanges,
  heaterSetup,
  output,
  outputMode,
  pid,
  stepOf,
} from './lakeshore372-settings.ts'

const Heater = z.enum(['sample', 'still'])
const outputs = { sample: 0, still: 2 } as const

/** The agent with the tasks that set up the heaters; `lakeshore372.ts` adds those that control a temperature. */
export const heating = reading
  .task(
    'init_lakeshore',
    {
      help: 'Read the setup of the instrument again.',
      params: z.object({
        auto_acquire: z.boolean().default(false).describe('start acq afterwards'),
        acq_params: z.record(z.string(), z.unknown()).nullish().describe('parameters of that acq'),
        force: z.boolean().default(false).describe('no effect here: the setup is always read'),
        configfile: z.string().nullish().describe('file of settings to load, as input_configfile does'),
      }),
      startup: ({ mode }) => mode === 'init',
    },
    async ({ instrument, params, session, start, signal, lab }) => {
      if (params.configfile) {
        const config = await lab.readFile(params.configfile, (text, name) => configOf(instrument, text, name))
        session.log(await applyConfig(instrument, config, (line) => session.log(line), signal))
      }
      const { inputs, heaterUnits } = await survey(instrument.link)
      Object.assign(instrument, { inputs, heaterUnits })
      if (params.auto_acquire) start('acq', params.acq_params ?? {})
      const enabled = [...inputs].filter(([key, { setup }]) => key !== 'A' && setup.enabled).length
      return `${instrument.link.identity}: ${enabled} channels enabled`
    },
  )
  .task(
    'input_configfile',
    {
      help: 'Set channels up from a YAML file: by serial number, device_settings and channel.',
      params: z.object({
        configfile: z
          .string()
          .nullish()
          .describe('in the --files-dir of the agent; the file of its arguments by default'),
      }),
      startup: ({ configfile, mode }) => configfile !== undefined && mode !== 'idle',
    },
    async ({ instrument, params: { configfile }, args, session, signal, lab }) => {
      const file = configfile ?? args.configfile
      if (file === undefined) throw new OpError('no file: give configfile here or to the agent')
      const isOwn = file === args.configfile
      const config = isOwn
        ? await readConfig(instrument, file)
        : await lab.readFile(file, (text, name) => configOf(instrument, text, name))
      return applyConfig(instrument, config, (line) => session.log(line), signal)
    },
  )
  .task(
    'set_pid',
    {
      help: 'Set the control parameters of the sample heater.',
      params: z.object({
        P: z.number().min(0).max(1000).describe('proportional'),
        I: z.number().min(0).max(10_000).describe('integral'),
        D: z.number().min(0).max(2500).describe('derivative'),
      }),
    },
    async ({ instrument, params }) => {
      const { P, I, D } = await change(instrument.link, 'PID', 0, pid, params)
      return `PID is ${P}, ${I}, ${D}.`
    },
  )
  .task(
    'set_heater_range',
    {
      help: 'Set the range of a heater, then wait.',
      params: z.object({
        heater: Heater.describe('which'),
        range: z
          .union([z.number().nonnegative(), z.string().regex(/^(on|off)$/i, 'on, off or a current')])
          .describe('sample: off or a current in A (the nearest range is used); still: on or off'),
        wait: z.number().min(0).default(0).describe('seconds to wait afterwards'),
      }),
    },
    async ({ instrument, params: { heater, range, wait }, signal }) => {
      const code = rangeCode(heater, typeof range === 'string' ? range.toLowerCase() : range)
      await change(instrument.link, 'RANGE', outputs[heater], heaterRange, { range: code })
      await systemClock.sleep(1000 * wait, signal)
      const shown = code === 0 ? 'off' : heater === 'still' ? 'on' : `at ${stepOf(heaterRanges, code)} A`
      return `The ${heater} heater is ${shown}.`
    },
  )
  .task(
    'set_output_mode',
    {
      help: 'Choose how a heater is driven.',
      params: z.object({
        heater: Heater.describe('which'),
        mode: outputMode.schema.shape.mode.describe('how'),
      }),
    },
    async ({ instrument, params: { heater, mode } }) => {
      await change(instrument.link, 'OUTMODE', outputs[heater], outputMode, { mode })
      return `The ${heater} heater is in mode ${mode}.`
    },
  )
  .task(
    'set_heater_output',
    {
      help: 'Set the manual output of a heater; the resulting value is published.',
      params: z.object({
        heater: Heater.describe('which'),
        output: z.number().min(0).max(100).describe('% of the range, or W, by the display'),
        display: z.enum(['current', 'power']).nullish().describe('unit in which the output is shown and set'),
      }),
    },
    async ({ instrument, params: { heater, output: value, display }, feeds }) => {
      if (display) {
        await change(instrument.link, 'HTRSET', outputs[heater], heaterSetup, { display })
        if (heater === 'sample') instrument.heaterUnits = display === 'power' ? 'W' : '%'
        feeds.temperatures.redeclare()
      }
      const kept = await change(instrument.link, 'MOUT', outputs[heater], output, { output: value })
      const name = `${heater}_heater_out`
      feeds.temperatures.publish(name, Date.now() / 1000, { [name]: kept.output })
      return `The ${heater} heater's manual output is ${kept.output}.`
    },
  )
  .task(
    'get_heater',
    {
      help: 'How a heater is driven, as the tasks that set it accept it.',
      params: z.object({ heater: Heater.describe('which') }),
      data: z.object({
        mode: outputMode.schema.shape.mode,
        /** A, 0 for off; of the still heater on or off. */
        range: z.union([z.number(), z.enum(['on', 'off'])]),
        output: z.number(),
        display: z.enum(['current', 'power']),
      }),
    },
    async ({ instrument: { link }, params: { heater }, session }) => {
      const key = outputs[heater]
      const { mode } = await recall(link, 'OUTMODE', key, outputMode)
      const { range: code } = await recall(link, 'RANGE', key, heaterRange)
      const manual = await recall(link, 'MOUT', key, output)
      const { display } = await recall(link, 'HTRSET', key, heaterSetup)
      const sample = code === 0 ? 0 : stepOf(heaterRanges, code)
      const range = heater === 'sample' ? sample : code === 0 ? 'off' : 'on'
      session.set({ mode, range, output: manual.output, display })
      return `The ${heater} heater is in mode ${mode}, ${code === 0 ? 'off' : 'on'}.`
    },
  )
  .task(
    'set_still_output',
    {
      help: 'Set the still output of the still heater; the resulting value is published.',
      params: z.object({
        output: z
          .number()
          .min(0)
          .max(100)
          .describe('%')
          .meta({ present: 'get_still_output.still_heater_still_out' }),
      }),
    },
    async ({ instrument, params, feeds }) => {
      const kept = await change(instrument.link, 'STILL', '', output, params)
      const values = { still_heater_still_out: kept.output }
      feeds.temperatures.publish('still_heater_still_out', Date.now() / 1000, values)
      return `The still output is ${kept.output} %.`
    },
  )
  .task(
    'get_still_output',
    { help: 'The still output of the still heater, %.' },
    async ({ instrument, session }) => {
      const kept = await recall(instrument.link, 'STILL', '', output)
      session.set({ still_heater_still_out: kept.output })
      return `The still output is ${kept.output} %.`
    },
  )
  .task('enable_control_chan', { help: 'Record the control input A as well.' }, async ({ instrument }) =>
    control(instrument, true),
  )
  .task('disable_control_chan', { help: 'Do not record the control input A.' }, async ({ instrument }) =>
    control(instrument, false),
  )

async function control(instrument: Refrigerator, enabled: boolean): Promise<string> {
  instrument.control.enabled = enabled
  return `The control input is ${enabled ? 'recorded' : 'left out'}.`
}

function rangeCode(heater: 'sample' | 'still', range: number | string): number {
  if (range === 'off' || range === 0) return 0
  if (heater === 'still') return 1
  if (typeof range === 'string')
    throw new OpError(`range "${range}": the sample heater takes off, or a current in A`)
  return codeOf(heaterRanges, range)
}
