/**
 * An instrument as a table of what it reads and what it keeps: data, from which `define-instrument.ts` makes an agent and
 * `simulators/table.ts` an instrument that behaves as told.
 */
import type { z } from 'zod'
import { ConfigError } from '../core/errors.ts'
import type { Blocks, FieldSpec } from '../core/feed-spec.ts'
import type { Value } from '../core/wire.ts'
import type { Part } from './parts.ts'
import type { Register } from './registers.ts'

/** What a simulated instrument shows: always this; this and a scatter about it; or what follows from its registers. */
export type Simulated =
  | Value
  | readonly [mean: number, scatter: number]
  | ((recall: <V extends object>(register: Register<V>, key?: string) => V) => Value)

/** A field that is read. `unread` of an `int` is -1 and of a `string` empty, unless it says otherwise; a `bool` has to say it. */
export interface ReadingField extends FieldSpec {
  readonly part: Part<never> | Part
  /** Absent where a register is the reply. */
  readonly sim?: Simulated
}

/** A query and the fields in its reply. Several may go into one block. */
export interface Reading {
  readonly block: string
  readonly command: string
  readonly fields: Readonly<Record<string, ReadingField>>
  /**
   * Whether it makes sense, by what the block has so far; where not it is left out: a field keeps what an earlier reading
   * gave it, and is else as if it could not be read.
   */
  readonly when?: (values: Readonly<Record<string, Value>>) => boolean
}

type Shape = Readonly<Record<string, z.ZodType>>

/** A task that changes values of a register, and compares what the instrument has then. */
export interface Setting {
  /** The task's name: `set_pid`. */
  readonly name: string
  readonly help: string
  readonly register: Register
  /** The one parameter that chooses the register's key. */
  readonly key?: Shape
  /** Its other parameters; named as the register's values unless `values` says how they become those. */
  readonly params: Shape
  readonly values?: (params: never) => object
  /** What is read, or its units, depends on it: the instrument is surveyed anew afterwards. */
  readonly resurvey?: boolean
}

/** A task that sends a command which has no reply: `ZPROBE`. */
export interface Command {
  readonly name: string
  readonly help: string
  readonly command: string
}

/** A task that asks for a register, as data of its session. */
export type Getting = Omit<Setting, 'params' | 'values' | 'resurvey'> & {
  readonly values?: (found: never) => object
}

/** The same instrument as one that is simulated. */
export interface SimulatedInstrument {
  /** What it is, for the list of `ocs sim`; what its agent says of itself by default. */
  readonly help?: string
  /** How it is reached: lines of text on TCP or a pseudo-terminal by default. */
  readonly served?: 'lines' | 'modbus' | 'snmp'
  /** The name that `ocs sim` has for the same behind a Prologix controller. */
  readonly behindPrologix?: string
  /** The reply to `*IDN?`, `{serial}` in it for the serial number; none for an instrument without. */
  readonly identity?: string
  readonly readings: readonly Reading[]
  readonly registers?: readonly Register[]
}

/**
 * What stands for a value of a field that could not be read.
 * @throws ConfigError for a `bool` that does not say: neither of its values does
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

/** The blocks that these readings make up. @throws ConfigError for a `bool` without `unread` */
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
