/**
 * An instrument as a table of its readings and registers: data, from which `define-instrument.ts` makes an
 * agent and `simulators/table.ts` a simulated instrument.
 */
import type { z } from 'zod'
import { ConfigError } from '../core/errors.ts'
import type { Blocks, FieldSpec } from '../core/feed-spec.ts'
import type { Value } from '../core/wire.ts'
import type { Part } from './parts.ts'
import type { Register } from './registers.ts'

/** A simulated value: constant; constant with noise; or computed from the registers. */
export type Simulated =
  | Value
  | readonly [mean: number, scatter: number]
  | ((recall: <V extends object>(register: Register<V>, key?: string) => V) => Value)

/**
 * A field that is read. `unread` defaults to -1 for an `int` and to empty for a `string`; a `bool` must
 * declare it.
 */
export interface ReadingField extends FieldSpec {
  readonly part: Part<never> | Part
  /** Absent if the reply is a register. */
  readonly sim?: Simulated
}

/** A query and the fields in its reply. Several may fill one block. */
export interface Reading {
  readonly block: string
  readonly command: string
  readonly fields: Readonly<Record<string, ReadingField>>
  /**
   * Whether to send it, judged by the block's values so far. If not, a field keeps the value of an earlier
   * reading, or else counts as unreadable.
   */
  readonly when?: (values: Readonly<Record<string, Value>>) => boolean
}

type Shape = Readonly<Record<string, z.ZodType>>

/** A task that changes values of a register, and compares what the instrument has afterwards. */
export interface Setting {
  /** The task's name: `set_pid`. */
  readonly name: string
  readonly help: string
  readonly register: Register
  /** The single parameter that selects the register's key. */
  readonly key?: Shape
  /** Its other parameters; they have the names of the register's values unless `values` converts them. */
  readonly params: Shape
  readonly values?: (params: never) => object
  /** Readings or their units depend on it: the instrument is surveyed again afterwards. */
  readonly resurvey?: boolean
}

/** A task that sends a command without a reply: `ZPROBE`. */
export interface Command {
  readonly name: string
  readonly help: string
  readonly command: string
}

/** A task that queries a register and shows it as data of its session. */
export type Getting = Omit<Setting, 'params' | 'values' | 'resurvey'> & {
  readonly values?: (found: never) => object
}

/** The same instrument, simulated. */
export interface SimulatedInstrument {
  /** Its description in the list of `ocs sim`; that of its agent by default. */
  readonly help?: string
  /** The interface: lines of text on TCP or a pseudo-terminal by default. */
  readonly served?: 'lines' | 'modbus' | 'snmp'
  /** The name in `ocs sim` of the same instrument behind a Prologix controller. */
  readonly behindPrologix?: string
  /** The reply to `*IDN?`, with `{serial}` for the serial number; absent for an instrument without one. */
  readonly identity?: string
  readonly readings: readonly Reading[]
  readonly registers?: readonly Register[]
}

/**
 * The value published for a field that could not be read.
 * @throws ConfigError for a `bool` that does not declare it, since both of its values mean something
 */
export function unreadOf(name: string, { type = 'double', unread }: FieldSpec): Value {
  if (type === 'double') return Number.NaN
  if (unread !== undefined) return unread
  if (type === 'bool')
    throw new ConfigError(
      `${name}: set "unread", the value to record when it could not be read, or use an int: 1, 0, -1 not read`,
    )
  return type === 'int' ? UNREAD : ''
}
const UNREAD = -1

/** The blocks of these readings. @throws ConfigError for a `bool` without `unread` */
export function blocksOf(readings: readonly Reading[]): Blocks {
  const blocks: Record<string, Record<string, FieldSpec>> = {}
  for (const { block, fields } of readings) {
    blocks[block] ??= {}
    for (const [name, { part: _, sim: __, ...spec }] of Object.entries(fields)) {
      const isTold = spec.type !== 'int' || spec.unread !== undefined
      const said = [spec.description, `${UNREAD} not read`].filter(Boolean).join('; ')
      blocks[block][name] = {
        ...spec,
        ...(!isTold && { description: said }),
        ...(spec.type !== undefined && spec.type !== 'double' && { unread: unreadOf(name, spec) }),
      }
    }
  }
  return blocks
}
