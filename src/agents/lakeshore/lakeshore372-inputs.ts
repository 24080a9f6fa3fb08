import { z } from 'zod'
import { change, recall } from './lakeshore.ts'
import { reader } from './lakeshore372-reader.ts'
import { type Lakeshore372, refresh } from './lakeshore372-scan.ts'
import {
  codeOf,
  excitations,
  inputSetup,
  inputType,
  resistanceRanges,
  scanState,
  stepOf,
} from './lakeshore372-settings.ts'

const Channel = z.int().min(1).max(16).describe('scanned channel, 1–16')
const AnyChannel = z.int().min(0).max(16).describe('scanned channel, 1–16; 0 is the control input A')
const OnOff = z.enum(['on', 'off'])

/** The reading agent with the tasks that set up scanner and inputs; `lakeshore372-heaters.ts` adds those of the heaters. */
export const reading = reader
  .task(
    'set_autoscan',
    {
      help: 'Switch autoscan on or off.',
      params: z.object({
        autoscan: z.boolean().describe('whether it scans by itself').meta({ present: 'get_scan.autoscan' }),
      }),
    },
    async ({ instrument, params: { autoscan } }) => {
      await change(instrument.link, 'SCAN', '', scanState, { autoscan })
      return `Autoscan is ${autoscan ? 'on' : 'off'}.`
    },
  )
  .task(
    'set_active_channel',
    {
      help: 'Connect the scanner to a channel.',
      params: z.object({ channel: Channel.meta({ present: 'get_scan.channel' }) }),
    },
    async ({ instrument, params: { channel } }) => {
      await change(instrument.link, 'SCAN', '', scanState, { channel })
      return `Channel ${channel} is connected.`
    },
  )
  .task(
    'get_scan',
    {
      help: 'Which channel the scanner is connected to, and whether autoscan is on by itself.',
      data: z.object({ channel: z.int(), autoscan: z.boolean() }),
    },
    async ({ instrument, session }) => {
      const { channel, autoscan } = await recall(instrument.link, 'SCAN', '', scanState)
      session.set({ channel, autoscan })
      return `Channel ${channel} is connected; autoscan is ${autoscan ? 'on' : 'off'}.`
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
      help: 'Set the excitation of a channel to the nearest available step.',
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
      help: 'Set the resistance range of a channel to the nearest available; autorange, if on, may change it.',
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

/** How commands name a channel; 0 is the control input. */
export const keyOf = (channel: number): string => (channel === 0 ? 'A' : String(channel))

const excitationText = (mode: 'voltage' | 'current', code: number): string =>
  `an excitation ${mode} of ${stepOf(excitations[mode], code)} ${mode === 'current' ? 'A' : 'V'}`

/** `change` of an input whose reading has to settle afterwards, if it is the one connected. @throws OpError as `change` */
export async function changeInput<V extends object>(
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
