import type { Blocks } from '../../core/agent.ts'
import { decimal, integer, row, text } from '../../instrument/codec.ts'
import type { LineLink } from '../../instrument/transport/line-link.ts'
import { type Connected, recall } from './lakeshore.ts'

/** `INTYPE`, with the names of socs' get_values; codes as in the manual of the Model 240. */
export const inputType = row({
  sensor: integer,
  auto_range: integer,
  range: integer,
  current_reversal: integer,
  unit: integer,
  enabled: integer,
})
/** `INNAME`: the name on the front panel. */
export const inputName = row({ name: text(15) })
/** `CRVPT`: one breakpoint of a channel's calibration curve, in V, Ω or log Ω and K. */
export const curvePoint = row({ units: decimal, kelvin: decimal })

/** What a channel is. */
export interface Channel {
  readonly number: number
  readonly name: string
  readonly type: ReturnType<typeof inputType.decode>
  /** A calibration curve is loaded, so there are temperatures. */
  readonly calibrated: boolean
}

/** A module as it was found, or has been set up since: `channels` is replaced whenever one changes. */
export interface Lakeshore240 extends Connected {
  channels: readonly Channel[]
  /** Channels whose curve is being replaced: no temperature means anything meanwhile. */
  readonly loading: Set<number>
  /** Channels whose type of input is being changed: a reading may have the units of before, or of after. */
  readonly changing: Set<number>
  /** When it was connected, unix s. */
  readonly since: number
}

/** Channels of a module by its identity: `MODEL240-8P`, `MODEL240-2P`; 8 where it does not say. */
function countOf(identity: string): number {
  return Number(/^[^,]*,[^,]*-(\d)P/.exec(identity)?.[1] ?? 8)
}

/** Asks a module for all that its readings depend on. */
export async function survey(line: LineLink): Promise<Omit<Lakeshore240, keyof Connected>> {
  const channels: Channel[] = []
  for (let number = 1; number <= countOf(line.identity); number++)
    channels.push(await surveyChannel(line, number))
  return { channels, loading: new Set(), changing: new Set(), since: Date.now() / 1000 }
}

/** Asks for one channel's setup. An unused breakpoint reads zero, and so does the first where there is no curve. */
export async function surveyChannel(line: LineLink, number: number): Promise<Channel> {
  const type = await recall(line, 'INTYPE', number, inputType)
  const { name } = await recall(line, 'INNAME', number, inputName)
  const { kelvin } = await recall(line, 'CRVPT', `${number},1`, curvePoint)
  return { number, name, type, calibrated: kelvin !== 0 }
}

/** What its sensors can tell, K. */
const KELVIN = [0, 1000] as const

/** What RDGST says, as far as Lake Shore's own client names it; −1 is ours. */
const STATUS =
  'sum of 1 invalid, 16 below and 32 above the curve, 64 and 128 sensor out of range; 0 valid; -1 not all read'

/** The fields of the enabled channels: sensor units always, a temperature where there is a curve. */
export function blocksOf({ channels }: Pick<Lakeshore240, 'channels'>): Blocks {
  const fields = channels
    .filter(isEnabled)
    .flatMap(({ number, name, type, calibrated }) => [
      ...(calibrated
        ? [[`Channel_${number}_T`, { units: 'K', description: name, range: KELVIN }] as const]
        : []),
      [`Channel_${number}_V`, { units: type.sensor === 1 ? 'V' : 'Ω', description: name }] as const,
      [`Channel_${number}_status`, { type: 'int', description: `${name}: ${STATUS}` }] as const,
    ])
  return { temps: Object.fromEntries(fields) }
}

const channelTypes = { sensor: 1, auto_range: 1, range: 0, current_reversal: 0, unit: 1, enabled: 1 }
/** The fields of a module with eight calibrated diodes. */
export const typicalBlocks = (): Blocks =>
  blocksOf({
    channels: Array.from({ length: 8 }, (_, i) => {
      return { number: i + 1, name: '', type: channelTypes, calibrated: true }
    }),
  })

export const isEnabled = ({ type }: Channel): boolean => type.enabled === 1

/** One channel's reading: K, V or Ω, and status; `T` only where there is a curve. */
export interface Reading {
  readonly T?: number
  readonly V: number
  readonly status: number
}

/** Bits of RDGST with which the sensor reading itself means nothing. */
const SENSOR_BAD = 1 | 64 | 128
const quietly = { priority: 'poll' } as const

/**
 * Reads a channel; what its status does not warrant is NaN, and so is a value that does not come.
 * @param failed hears why it did not come, and may throw that on
 * @throws TransportError when its status does not come
 */
export async function readChannel(
  module: Lakeshore240,
  channel: Channel,
  failed: (error: unknown) => void,
): Promise<Reading> {
  const { link, loading } = module
  const { number, calibrated } = channel
  const ask = () => link.read(`RDGST? ${number}`, integer.decode, quietly)
  let status = await ask()
  let isWhole = true
  const read = async (command: string): Promise<number> => {
    try {
      return await link.read(command, decimal.decode, quietly)
    } catch (error) {
      failed(error)
      isWhole = false
      return Number.NaN
    }
  }
  const V = await read(`SRDG? ${number}`)
  const T = calibrated ? await read(`KRDG? ${number}`) : undefined
  // A reading that is none is sent as 0: it has become so after its status was told.
  if (status === 0 && (V === 0 || T === 0)) status = await ask()
  const isChanged = !Bun.deepEquals(module.channels[number - 1]?.type, channel.type)
  if (isChanged || module.changing.has(number)) return unread(channel)
  const sensor = { V: status & SENSOR_BAD ? Number.NaN : V, status: isWhole ? status : -1 }
  if (T === undefined) return sensor
  return { T: status !== 0 || T === 0 || loading.has(number) ? Number.NaN : T, ...sensor }
}

/** The reading of a channel that could not be read. */
export function unread({ calibrated }: Channel): Reading {
  return { ...(calibrated && { T: Number.NaN }), V: Number.NaN, status: -1 }
}
