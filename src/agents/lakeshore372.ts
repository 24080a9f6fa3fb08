import { z } from 'zod'
import { OpError } from '../core/errors.ts'
import { systemClock } from '../instrument/clock.ts'
import { change, recall } from './lakeshore.ts'
import { type Refrigerator, reader } from './lakeshore372-reader.ts'
import { type Lakeshore372, refresh, survey } from './lakeshore372-scan.ts'
import {
  codeOf,
  excitations,
  heaterRange,
  heaterRanges,
  heaterSetup,
  inputSetup,
  inputType,
  output,
  outputMode,
  pid,
  resistanceRanges,
  scanState,
  stepOf,
} from './lakeshore372-settings.ts'

const Channel = z.int().min(1).max(16).describe('scanned channel, 1–16')
const AnyChannel = z.int().min(0).max(16).describe('scanned channel, 1–16; 0 is the control input A')
const OnOff = z.enum(['on', 'off'])
const Heater = z.enum(['sample', 'still'])
const outputs = { sample: 0, still: 2 } as const

export default reader
  .task(
    'init_lakeshore',
    {
      help: 'Ask the instrument for its setup anew.',
      params: z.object({
        auto_acquire: z.boolean().default(false).describe('start acq afterwards'),
        acq_params: z.record(z.string(), z.unknown()).nullish().describe('parameters of that acq'),
        force: z.boolean().default(false).describe('no difference here: the setup is always read'),
        configfile: z.string().nullish().describe('not loaded yet'),
      }),
      startup: ({ mode }) => mode === 'init',
    },
    async ({ instrument, params, session, start }) => {
      const { inputs, heaterUnits } = await survey(instrument.link)
      Object.assign(instrument, { inputs, heaterUnits })
      if (params.configfile)
        session.log(`${params.configfile} is not loaded: the instrument keeps its settings`)
      if (params.auto_acquire) start('acq', params.acq_params ?? {})
      const enabled = [...inputs].filter(([key, { setup }]) => key !== 'A' && setup.enabled).length
      return `${instrument.link.identity}: ${enabled} channels enabled`
    },
  )
  .task(
    'set_autoscan',
    {
      help: 'Let the scanner move on by itself, or stay.',
      params: z.object({ autoscan: z.boolean().describe('whether it moves on') }),
    },
    async ({ instrument, params: { autoscan } }) => {
      await change(instrument.link, 'SCAN', '', scanState, { autoscan })
      return `Autoscan is ${autoscan ? 'on' : 'off'}.`
    },
  )
  .task(
    'set_active_channel',
    { help: 'Connect the scanner to a channel.', params: z.object({ channel: Channel }) },
    async ({ instrument, params: { channel } }) => {
      await change(instrument.link, 'SCAN', '', scanState, { channel })
      return `Channel ${channel} is connected.`
    },
  )
  .task(
    'engage_channel',
    {
      help: 'Enable or disable a channel.',
      params: z.object({ channel: Channel, state: OnOff.describe('on or off') }),
    },
    async ({ instrument, params: { channel, state } }) => {
      await changeInput(instrument, channel, 'INSET', inputSetup, { enabled: state === 'on' })
      return `Channel ${channel} is ${state}.`
    },
  )
  .task(
    'set_dwell',
    {
      help: 'Set how long the scanner measures a channel.',
      params: z.object({ channel: Channel, dwell: z.int().min(1).max(200).describe('s') }),
    },
    async ({ instrument, params: { channel, dwell } }) => {
      await change(instrument.link, 'INSET', channel, inputSetup, { dwell })
      return `Channel ${channel} has a dwell time of ${dwell} s.`
    },
  )
  .task(
    'get_dwell',
    { help: 'How long the scanner measures a channel.', params: z.object({ channel: Channel }) },
    async ({ instrument, params: { channel }, session }) => {
      const { dwell } = await recall(instrument.link, 'INSET', channel, inputSetup)
      session.set({ dwell_time: dwell })
      return `Channel ${channel} has a dwell time of ${dwell} s.`
    },
  )
  .task(
    'set_calibration_curve',
    {
      help: 'Assign a curve that the instrument has to an input.',
      params: z.object({ channel: AnyChannel, curve_number: z.int().min(21).max(59).describe('user curve') }),
    },
    async ({ instrument, params: { channel, curve_number } }) => {
      await changeInput(instrument, channel, 'INSET', inputSetup, { curve: curve_number })
      return `Channel ${channel} has curve ${curve_number}.`
    },
  )
  .task(
    'set_excitation_mode',
    {
      help: 'Excite a channel by voltage or by current.',
      params: z.object({ channel: Channel, mode: z.enum(['voltage', 'current']).describe('which is kept') }),
    },
    async ({ instrument, params: { channel, mode } }) => {
      await changeInput(instrument, channel, 'INTYPE', inputType, { mode })
      return `Channel ${channel} is excited by ${mode}.`
    },
  )
  .task(
    'set_excitation',
    {
      help: 'Set the excitation of a channel to the nearest step there is.',
      params: z.object({ channel: Channel, value: z.number().positive().describe('V or A, by the mode') }),
    },
    async ({ instrument, params: { channel, value }, session }) => {
      const { mode } = await recall(instrument.link, 'INTYPE', channel, inputType)
      const excitation = codeOf(excitations[mode], value)
      await changeInput(instrument, channel, 'INTYPE', inputType, { excitation })
      session.set({ excitation: stepOf(excitations[mode], excitation) })
      return `Channel ${channel} has ${excitationText(mode, excitation)}.`
    },
  )
  .task(
    'get_excitation',
    { help: 'The excitation of a channel.', params: z.object({ channel: Channel }) },
    async ({ instrument, params: { channel }, session }) => {
      const { mode, excitation } = await recall(instrument.link, 'INTYPE', channel, inputType)
      session.set({ excitation: stepOf(excitations[mode], excitation) })
      return `Channel ${channel} has ${excitationText(mode, excitation)}.`
    },
  )
  .task(
    'set_resistance_range',
    {
      help: 'Set the resistance range of a channel to the nearest there is; autorange, where on, may change it.',
      params: z.object({ channel: Channel, resistance_range: z.number().positive().describe('Ω') }),
    },
    async ({ instrument, params: { channel, resistance_range }, session }) => {
      const { autorange } = await recall(instrument.link, 'INTYPE', channel, inputType)
      if (autorange !== 0) session.log('autorange is on and may change the range again')
      const range = codeOf(resistanceRanges, resistance_range)
      await changeInput(instrument, channel, 'INTYPE', inputType, { range })
      session.set({ resistance_range: stepOf(resistanceRanges, range) })
      return `Channel ${channel} has the range ${stepOf(resistanceRanges, range)} Ω.`
    },
  )
  .task(
    'get_resistance_range',
    { help: 'The resistance range of a channel.', params: z.object({ channel: Channel }) },
    async ({ instrument, params: { channel }, session }) => {
      const { range } = await recall(instrument.link, 'INTYPE', channel, inputType)
      session.set({ resistance_range: stepOf(resistanceRanges, range) })
      return `Channel ${channel} has the range ${stepOf(resistanceRanges, range)} Ω.`
    },
  )
  .task(
    'engage_autorange',
    {
      help: 'Let the instrument choose the resistance range of a channel, or not.',
      params: z.object({ channel: Channel, state: OnOff.describe('on or off') }),
    },
    async ({ instrument, params: { channel, state } }) => {
      await changeInput(instrument, channel, 'INTYPE', inputType, { autorange: state === 'on' ? 1 : 0 })
      return `Channel ${channel} has autorange ${state}.`
    },
  )
  .task(
    'get_input_setup',
    { help: 'How a channel is measured, as data of the session.', params: z.object({ channel: AnyChannel }) },
    async ({ instrument, params: { channel }, session }) => {
      const { mode, excitation, autorange, range, csshunt, units } = await recall(
        instrument.link,
        'INTYPE',
        keyOf(channel),
        inputType,
      )
      session.set({
        mode,
        excitation: stepOf(excitations[channel === 0 ? 'control' : mode], excitation),
        excitation_units: mode === 'current' ? 'amps' : 'volts',
        autorange: autorange === 0 ? 'off' : 'on',
        range: stepOf(resistanceRanges, range),
        csshunt,
        units,
      })
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
          .describe('sample: off or a current in A, the nearest range is taken; still: on or off'),
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
      help: 'Set the manual output of a heater; what the instrument has then is published.',
      params: z.object({
        heater: Heater.describe('which'),
        output: z.number().min(0).max(100).describe('% of the range, or W, by the display'),
        display: z.enum(['current', 'power']).nullish().describe('what the output is shown and set in'),
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
    'set_still_output',
    {
      help: 'Set the still output of the still heater; what the instrument has then is published.',
      params: z.object({ output: z.number().min(0).max(100).describe('%') }),
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
  .task('enable_control_chan', { help: 'Record the control input A too.' }, async ({ instrument }) =>
    control(instrument, true),
  )
  .task('disable_control_chan', { help: 'Leave the control input A out.' }, async ({ instrument }) =>
    control(instrument, false),
  )

async function control(instrument: Refrigerator, enabled: boolean): Promise<string> {
  instrument.control.enabled = enabled
  return `The control input is ${enabled ? 'recorded' : 'left out'}.`
}

const keyOf = (channel: number): string => (channel === 0 ? 'A' : String(channel))

const excitationText = (mode: 'voltage' | 'current', code: number): string =>
  `an excitation ${mode} of ${stepOf(excitations[mode], code)} ${mode === 'current' ? 'A' : 'V'}`

function rangeCode(heater: 'sample' | 'still', range: number | string): number {
  if (range === 'off' || range === 0) return 0
  if (heater === 'still') return 1
  if (typeof range === 'string')
    throw new OpError(`range "${range}": the sample heater takes off or a current in A`)
  return codeOf(heaterRanges, range)
}

/** `change` of an input whose reading has to settle afterwards, if it is the one connected. */
async function changeInput<V extends object>(
  instrument: Lakeshore372,
  channel: number,
  name: string,
  format: Parameters<typeof change<V>>[3],
  wanted: Partial<V>,
): Promise<void> {
  const resettle = () => {
    if (instrument.scan.channel === channel) instrument.scan.channel = 0
  }
  const { link } = instrument
  resettle()
  try {
    await change(link, name, keyOf(channel), format, wanted)
    await refresh(instrument, keyOf(channel))
  } finally {
    resettle()
  }
}
