/** The table of readings of a Lake Shore 240, by the setup of its channels. */
import type { Value } from '../../core/wire.ts'
import { decimal, integer, row, text } from '../../instrument/codec.ts'
import { whole } from '../../instrument/parts.ts'
import type { Reading } from '../../instrument/table.ts'
import type { Link } from '../../instrument/transport/link.ts'
import { recall } from './lakeshore.ts'

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

/** The setup of a channel. */
export interface Channel {
  readonly number: number
  readonly name: string
  readonly type: ReturnType<typeof inputType.decode>
  /** A calibration curve is loaded, so there are temperatures. */
  readonly calibrated: boolean
}

/** A module as it was found, or has been set up since. */
export interface Module {
  readonly channels: readonly Channel[]
  /** Channels whose curve is being replaced; their temperatures mean nothing until then. */
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

/** Asks a module for all that its readings depend on; what is under way goes on. */
export async function survey(link: Link, before: Module | undefined): Promise<Module> {
  const channels: Channel[] = []
  for (let number = 1; number <= countOf(link.identity); number++)
    channels.push(await surveyChannel(link, number))
  if (before) return { ...before, channels }
  return { channels, loading: new Set(), changing: new Set(), since: Date.now() / 1000 }
}

/** Asks for one channel's setup. An unused breakpoint reads zero, and so does the first where there is no curve. */
export async function surveyChannel(link: Link, number: number): Promise<Channel> {
  const type = await recall(link, 'INTYPE', number, inputType)
  const { name } = await recall(link, 'INNAME', number, inputName)
  const { kelvin } = await recall(link, 'CRVPT', `${number},1`, curvePoint)
  return { number, name, type, calibrated: kelvin !== 0 }
}

/** What its sensors can tell, K. */
const KELVIN = [0, 1000] as const
/** Least steps: 10 µV of a diode are 0.3 mK at 4.2 K. Resistors have ranges, and no step of their own. */
const STEPS = { K: 1e-4, V: 1e-5 }

/** What RDGST says, as far as Lake Shore's own client names it; −1 is ours. */
const STATUS =
  'sum of 1 invalid, 16 below and 32 above the curve, 64 and 128 sensor out of range; 0 valid; -1 not all read'
const BITS = {
  ...{ 1: 'invalid', 16: 'below its curve', 32: 'above its curve' },
  ...{ 64: 'sensor out of range', 128: 'sensor out of range' },
}

const isEnabled = ({ type }: Channel): boolean => type.enabled === 1
const fieldsOf = ({ number }: Channel) => ({
  T: `Channel_${number}_T`,
  V: `Channel_${number}_V`,
  status: `Channel_${number}_status`,
})

/** What is read of the enabled channels: sensor units always, a temperature where there is a curve. */
export function readingsOf(channels: readonly Channel[]): readonly Reading[] {
  return channels.filter(isEnabled).flatMap((channel) => {
    const { number, name: description, type, calibrated } = channel
    const { T, V, status } = fieldsOf(channel)
    const [part, block] = [whole(decimal), 'temps']
    const when: Reading['when'] = (values) => values[status] !== -1
    const asked = {
      block,
      command: `RDGST? ${number}`,
      fields: {
        [status]: {
          type: 'int' as const,
          description: `${description}: ${STATUS}`,
          bits: BITS,
          part: whole(integer),
          unread: -1,
        },
      },
    }
    const units = type.sensor === 1 ? 'V' : 'Ω'
    const kelvin = { units: 'K', description, range: KELVIN, resolution: STEPS.K, part }
    const sensor = { units, description, ...(units === 'V' && { resolution: STEPS.V }), part }
    return [
      ...(calibrated ? [{ block, command: `KRDG? ${number}`, fields: { [T]: kelvin }, when }] : []),
      { block, command: `SRDG? ${number}`, fields: { [V]: sensor }, when },
      asked,
      // A reading that is none is sent as 0: it has become so after its status was told.
      { ...asked, when: (values) => values[status] === 0 && (values[T] === 0 || values[V] === 0) },
    ]
  })
}

/** The order in which they are asked: of each channel the status first, and again last. Fields stand as people read them. */
export function inOrder(readings: readonly Reading[]): readonly Reading[] {
  const byChannel = Map.groupBy(readings, ({ command }) => command.split(' ')[1])
  return [...byChannel.values()].flatMap((of) => [...of.slice(0, -1).reverse(), ...of.slice(-1)])
}

const channelTypes = { sensor: 1, auto_range: 1, range: 0, current_reversal: 0, unit: 1, enabled: 1 }
/** The readings of a module with eight calibrated diodes. */
export const typical = readingsOf(
  Array.from({ length: 8 }, (_, i) => ({ number: i + 1, name: '', type: channelTypes, calibrated: true })),
)

/** Bits of RDGST with which the sensor reading itself means nothing. */
const SENSOR_BAD = 1 | 64 | 128

/** What its status does not warrant is NaN, and so is all of a channel that has been set up anew meanwhile. */
export function judge(
  values: Record<string, Value>,
  { channels, changing, loading }: Module,
  now: Module,
): void {
  for (const channel of channels.filter(isEnabled)) {
    const { number, type, calibrated } = channel
    const fields = fieldsOf(channel)
    const isChanged = changing.has(number) || !Bun.deepEquals(now.channels[number - 1]?.type, type)
    const status = isChanged ? -1 : Number(values[fields.status])
    const isWhole = !Number.isNaN(values[fields.V]) && !Number.isNaN(values[fields.T])
    // A status that was not read, -1, has every bit.
    if (status & SENSOR_BAD) values[fields.V] = Number.NaN
    if (calibrated && (status !== 0 || values[fields.T] === 0 || loading.has(number)))
      values[fields.T] = Number.NaN
    values[fields.status] = isWhole ? status : -1
  }
}

/** The readings of a sweep by channel, for the data of a session: `Channel_1: { T, V, status }`. */
export function byChannel(fields: Readonly<Record<string, Value>>): Record<string, ChannelReading> {
  const found: Record<string, Record<string, Value>> = {}
  for (const [name, value] of Object.entries(fields)) {
    const [, channel = '', key = ''] = /^(Channel_\d)_(.+)$/.exec(name) ?? []
    found[channel] = { ...found[channel], [key]: value }
  }
  return found as never
}
/** K, V or Ω, and status; `T` only where there is a curve. */
interface ChannelReading {
  readonly T?: number
  readonly V: number
  readonly status: number
}

/** How often a channel could not be read, by the commands that failed. */
export function errorsByChannel(errors: Readonly<Record<string, number>>): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const [command, count] of Object.entries(errors)) {
    const name = `Channel_${command.split(' ')[1]}`
    counts[name] = (counts[name] ?? 0) + count
  }
  return counts
}
