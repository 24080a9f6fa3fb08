import { isAbsolute, join } from 'node:path'
import { z } from 'zod'
import { checkParams } from '../../core/arguments/check-params.ts'
import { counted } from '../../core/counted.ts'
import { messageOf, OpError } from '../../core/errors.ts'
import { notFound } from '../../core/names.ts'
import { change, recall } from './lakeshore.ts'
import { changeInput, keyOf } from './lakeshore372-inputs.ts'
import type { Lakeshore372 } from './lakeshore372-scan.ts'
import {
  codeOf,
  excitations,
  inputSetup,
  inputType,
  resistanceRanges,
  scanState,
} from './lakeshore372-settings.ts'

/** YAML takes a bare `on` for a text or for true, by its version, and `2e-3` for a text or a number. */
const OnOff = z.union([z.enum(['on', 'off']).transform((word) => word === 'on'), z.boolean()])
const Positive = z.union([
  z.number(),
  z
    .string()
    .regex(/^\s*[-+.\de]+\s*$/i, 'a number')
    .transform(Number),
])

const Device = z.object({ autoscan: OnOff.optional() })
const Channel = z.object({
  enable: OnOff.optional(),
  autorange: OnOff.optional(),
  resistance_range: Positive.pipe(z.number().positive()).optional(),
  excitation_mode: z.enum(['voltage', 'current']).optional(),
  excitation_value: Positive.pipe(z.number().positive()).optional(),
  dwell: z.int().min(1).max(200).optional(),
  pause: z.int().min(3).max(200).optional(),
  calibration_curve_num: z.int().min(0).max(59).optional(),
  temperature_coeff: z.enum(['negative', 'positive']).optional(),
})
type Channel = z.output<typeof Channel>

/** Settings of one instrument as a configuration file has them; what it does not name stays as it is. */
export interface Config {
  /** Its name. */
  readonly file: string
  readonly device: z.output<typeof Device>
  /** By channel, 0 for the control input A. */
  readonly channels: ReadonlyMap<number, Channel>
}

/** What a serial number has. */
const KEYS = ['device_settings', 'channel']

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * Reads a configuration file in the form of socs (`input_configfile` of lakeshore372/agent.py): by serial number,
 * `device_settings` and `channel`.
 * @throws OpError naming file and setting, all faults at once
 */
export function parseConfig(file: string, text: string, serialNumber: string): Config {
  const fail = (what: string, cause?: unknown) => new OpError(`${file}: ${what}`, { cause })
  let whole: unknown
  try {
    whole = Bun.YAML.parse(text)
  } catch (error) {
    throw fail(`is not YAML: ${messageOf(error)}`, error)
  }
  if (!isMap(whole)) throw fail('expected serial numbers, each with device_settings and channel')
  const own = Object.hasOwn(whole, serialNumber) ? whole[serialNumber] : undefined
  if (!isMap(own)) {
    const has = Object.keys(whole).join(', ') || 'none'
    throw fail(`has nothing for serial number ${serialNumber} (it has: ${has})`)
  }
  const faults: string[] = []
  const checked = <S extends z.ZodObject>(schema: S, given: unknown, at: string): z.output<S> | undefined => {
    if (given === undefined || given === null) return undefined
    const result = isMap(given) ? checkParams(schema, given, (name) => name) : undefined
    if (result && 'values' in result) return result.values
    faults.push(...(result?.faults.map((fault) => `${at}: ${fault.text}`) ?? [`${at}: expected settings`]))
    return undefined
  }
  for (const key of Object.keys(own).filter((name) => !KEYS.includes(name)))
    faults.push(notFound('unknown key', key, KEYS, 'it takes'))
  const device = checked(Device, own['device_settings'], 'device_settings') ?? {}
  const channels = new Map<number, Channel>()
  for (const [key, given] of Object.entries(isMap(own['channel']) ? own['channel'] : {})) {
    const number = key === 'A' ? 0 : Number(key)
    if (!/^\d+$/.test(key) && key !== 'A') faults.push(`channel ${key}: a channel is 1 to 16, or A`)
    else if (number > 16) faults.push(`channel ${key}: a channel is 1 to 16, or A`)
    else channels.set(number, checked(Channel, given, `channel ${key}`) ?? {})
  }
  if (faults.length > 0) throw fail(faults.join('; '))
  return { file, device, channels }
}

/**
 * Reads the configuration file of the agent's own arguments; one that a request names is read by `lab.readFile`.
 * @param file a path; a relative one is looked for in `OCS_CONFIG_DIR`, as in socs
 * @throws OpError naming what is wrong with the file
 */
export async function readConfig(instrument: Lakeshore372, file: string): Promise<Config> {
  const path = isAbsolute(file) ? file : join(process.env['OCS_CONFIG_DIR'] ?? '.', file)
  const text = await Bun.file(path)
    .text()
    .catch((cause) => {
      throw new OpError(`${path} cannot be read on the machine of the agent`, { cause })
    })
  return configOf(instrument, text, path)
}

/** What a configuration file has for an instrument. @throws OpError naming what is wrong with the file */
export function configOf({ link }: Lakeshore372, text: string, file: string): Config {
  return parseConfig(file, text, link.identity.split(',')[2]?.split('/')[0] ?? '')
}

/**
 * Sets the instrument up by a configuration file.
 * @throws OpError naming what the instrument did not take
 */
export async function applyConfig(
  instrument: Lakeshore372,
  { file, device, channels }: Config,
  log: (text: string) => void,
  signal: AbortSignal,
): Promise<string> {
  const { link } = instrument
  if (device.autoscan !== undefined) await change(link, 'SCAN', '', scanState, { autoscan: device.autoscan })
  for (const [number, channel] of channels) {
    signal.throwIfAborted()
    await setUp(instrument, number, channel)
    log(`channel ${keyOf(number)} is set up`)
  }
  return `${counted(channels.size, 'channel is', 'channels are')} set up by ${file}.`
}

/** Sets one channel up; a range is set only where autorange is off, since it would be changed again. */
async function setUp(instrument: Lakeshore372, number: number, channel: Channel): Promise<void> {
  const type = await recall(instrument.link, 'INTYPE', keyOf(number), inputType)
  const { excitation_mode: mode = type.mode, autorange, resistance_range, excitation_value } = channel
  const ladder = excitations[number === 0 ? 'control' : mode]
  const ranged = resistance_range !== undefined && !(autorange ?? type.autorange !== 0)
  await changeInput(instrument, number, 'INTYPE', inputType, {
    mode,
    ...(excitation_value !== undefined && { excitation: codeOf(ladder, excitation_value) }),
    ...(autorange !== undefined && { autorange: autorange ? 1 : 0 }),
    ...(ranged && { range: codeOf(resistanceRanges, resistance_range) }),
  })
  const { enable, dwell, pause, calibration_curve_num: curve, temperature_coeff: coefficient } = channel
  await changeInput(instrument, number, 'INSET', inputSetup, {
    ...(enable !== undefined && { enabled: enable }),
    ...(dwell !== undefined && { dwell }),
    ...(pause !== undefined && { pause }),
    ...(curve !== undefined && { curve }),
    ...(coefficient !== undefined && { tempco: coefficient === 'negative' ? 1 : 2 }),
  })
}
