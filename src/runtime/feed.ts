import type { FeedDeclaration, FieldInfo, Row } from '../core/channels.ts'
import { messageOf } from '../core/errors.ts'
import type { Blocks, FeedPublisher, FeedSpec } from '../core/feed-spec.ts'
import { BlockName, FieldName, isFieldName } from '../core/names.ts'
import {
  type FieldType,
  fromWire,
  jsonWithNumbers,
  toWire,
  typeOf,
  type Value,
  type Wire,
} from '../core/wire.ts'

type Block = { -readonly [F in string]: FieldInfo }

/** Where the rows of a feed are sent. */
export interface FeedOutput {
  /** A new row, in order; not yet durable. */
  row(declaration: FeedDeclaration, row: Omit<Row, 'seq'>): void
  /** A message without blocks, on an unrecorded feed, as JSON. */
  message(text: string): void
  /** Values of a field (`block.field`) outside its declared range; they are kept in the row. */
  outOfRange(field: string, count: number): void
  /**
   * A message or a single value that was dropped, with the reason; `isNew` when it is the first of its kind.
   */
  quarantined(reason: string, isNew: boolean): void
  /** The declaration changed. */
  declared(): void
  /** An epoch has ended and another begins. */
  newEpoch(reason: string): void
}

const DEFAULT_FRAME_LENGTH = 300
/** Longest text value, and longest message without blocks as JSON, in characters. */
const STRING_LENGTH = 65_536
const MESSAGE_LENGTH = 1 << 20
/** The most kinds of faults remembered as already reported. */
const KINDS = 1000

type Given = Readonly<Record<string, Value | readonly Value[]>>

/**
 * Turns what an operation publishes into checked rows. Only the value that does not fit is left out, and
 * likewise a field or block with an invalid name: no check here ends an operation. Holds the feed's
 * declaration and its epoch: the start of the process, an undeclared field and a clock that stepped back each
 * begin a new epoch.
 */
export class FeedWriter implements FeedPublisher {
  readonly #output: FeedOutput
  readonly #agentClass: string
  readonly #spec: FeedSpec<never>
  #declaration: FeedDeclaration
  #instrument: unknown
  #epoch = newEpoch()
  #lastTime = new Map<string, number>()
  readonly #told = new Set<string>()
  /** The stand-in for a value that could not be read, by block and field. */
  #unread: Readonly<Record<string, Readonly<Record<string, Value>>>> = {}

  constructor(spec: FeedSpec<never>, agentClass: string, output: FeedOutput) {
    this.#spec = spec
    this.#agentClass = agentClass
    this.#output = output
    this.#declaration = this.#declare(typeof spec.blocks === 'function' ? {} : spec.blocks)
  }

  get declaration(): FeedDeclaration {
    return this.#declaration
  }

  /**
   * The instrument is known (again): the declaration may depend on it, and a different declaration begins an
   * epoch.
   */
  connected(instrument: unknown): void {
    this.#instrument = instrument
    this.redeclare()
  }

  redeclare(): void {
    const { blocks, frame_length, rhythm } = this.#spec
    if (![blocks, frame_length, rhythm].some((one) => typeof one === 'function')) return
    const declared = typeof blocks === 'function' ? blocks(this.#instrument as never) : blocks
    const declaration = this.#declare(declared)
    if (JSON.stringify(declaration) === JSON.stringify(this.#declaration)) return
    this.#declaration = declaration
    this.#begin('the instrument declares other fields')
  }

  publish(block: string, time: number | readonly number[], values: Given): void {
    const t = Array.isArray(time) ? [...(time as readonly number[])] : [time as number]
    const known = own(this.#declaration.blocks, block)
    const reason = unfit(known ? undefined : block, t, values)
    if (reason !== undefined) {
      this.#leaveOut(`${block}: ${reason.split(' ', 1)}`, `${block}: ${reason}`)
      return
    }
    if (t.length === 0) return
    const fit = this.#fitting(block, t, values)
    if (!fit) return
    this.#admit(block, fit)
    if ((t[0] ?? 0) < (this.#lastTime.get(block) ?? -Infinity)) this.#begin('the clock stepped back')
    this.#lastTime.set(block, t.at(-1) ?? 0)
    const data: Record<string, Wire[]> = {}
    for (const [name, { type }] of Object.entries(this.#declaration.blocks[block] ?? {})) {
      const column = own(fit, name)
      data[name] = column ? column.map((value) => wireOf(type, value)) : t.map(() => null)
    }
    this.#countOutside(block, fit)
    this.#output.row(this.#declaration, { epoch: this.#epoch, block, t, data })
  }

  send(message: unknown): void {
    try {
      if (this.#spec.record) throw new TypeError('a recorded feed takes blocks: publish()')
      const text = JSON.stringify(jsonWithNumbers(message) ?? null)
      if (text.length > MESSAGE_LENGTH)
        throw new RangeError(`${text.length} characters; at most ${MESSAGE_LENGTH}`)
      this.#output.message(text)
    } catch (error) {
      this.#leaveOut(`message: ${(error as Error).name}`, messageOf(error))
    }
  }

  #countOutside(block: string, values: Columns): void {
    for (const [name, { range }] of Object.entries(this.#declaration.blocks[block] ?? {})) {
      if (!range) continue
      const [low, high] = [range[0] ?? -Infinity, range[1] ?? Infinity]
      const outside = (values[name] ?? []).filter((value) => Number(value) < low || Number(value) > high)
      if (outside.length > 0) this.#output.outOfRange(`${block}.${name}`, outside.length)
    }
  }

  /** Counts something that was left out; reports it once per kind. */
  #leaveOut(kind: string, text: string): void {
    if (this.#told.size > KINDS) this.#told.clear()
    this.#output.quarantined(text, !this.#told.has(kind))
    this.#told.add(kind)
  }

  /**
   * The columns that fit: a bad value is left out and replaced by its field's stand-in. Undefined if the
   * whole message is dropped because a field of its block has no value and its type has no stand-in.
   */
  #fitting(block: string, t: readonly number[], values: Given): Columns | undefined {
    // Every object has names such as "constructor": only own properties count.
    const declared = own(this.#declaration.blocks, block) ?? {}
    const unread = own(this.#unread, block) ?? {}
    const fit: Record<string, Value[]> = {}
    const leaveOut = (name: string, why: string) => this.#leaveOut(`${block}.${name}`, `${block}: ${why}`)
    for (const [name, given] of Object.entries(values)) {
      const known = own(declared, name)?.type
      if (known === undefined && !isFieldName(name)) {
        leaveOut(name, `${JSON.stringify(name)} is not a field name`)
        continue
      }
      const column = list(given as Value)
      const type = known ?? typeOf(column[0] ?? 0)
      const instead = known === 'double' ? Number.NaN : own(unread, name)
      if (column.length !== t.length) {
        leaveOut(name, `${name}: ${column.length} values for ${t.length} times`)
        continue
      }
      const bad = column.findIndex((value) => misfit(type, value) !== undefined)
      if (bad >= 0) leaveOut(name, `${name}: ${misfit(type, column[bad] as Value)}`)
      if (bad < 0) fit[name] = [...column]
      else if (instead !== undefined && column.length > 1)
        fit[name] = column.map((value) => (misfit(type, value) === undefined ? value : instead))
    }
    if (Object.keys(values).length > 0 && Object.keys(fit).length === 0) return undefined
    for (const [name, { type }] of Object.entries(declared)) {
      if (type === 'double' || Object.hasOwn(fit, name)) continue
      const instead = own(unread, name)
      if (instead === undefined) {
        if (!Object.hasOwn(values, name))
          leaveOut(name, `${name}: no value, and type ${type} has none for "not read"`)
        return undefined
      }
      fit[name] = t.map(() => instead)
    }
    return fit
  }

  /** Declares fields that were not declared so far; the archive's other fields keep their declarations. */
  #admit(block: string, values: Columns): void {
    const declared: Block = { ...own(this.#declaration.blocks, block) }
    const fresh = Object.keys(values).filter((name) => !Object.hasOwn(declared, name))
    if (fresh.length === 0) return
    for (const name of fresh) declared[name] = { type: typeOf(values[name]?.[0] ?? 0) }
    const known = Object.hasOwn(this.#declaration.blocks, block)
    this.#declaration = {
      ...this.#declaration,
      blocks: { ...this.#declaration.blocks, [block]: declared },
    }
    this.#begin(`new ${known ? 'fields' : 'block'} ${block}: ${fresh.join(', ')}`)
  }

  /** If the present epoch has no row yet, it is replaced by the new one. */
  #begin(reason: string): void {
    if (this.#lastTime.size > 0) {
      this.#epoch = newEpoch()
      this.#lastTime.clear()
      this.#output.newEpoch(reason)
    }
    this.#output.declared()
  }

  #declare(blocks: Blocks): FeedDeclaration {
    const checked: Record<string, Block> = {}
    const unread: Record<string, Record<string, Value>> = {}
    const { rhythm } = this.#spec
    const known = this.#instrument as never
    const often = typeof rhythm === 'function' ? known && rhythm(known) : rhythm
    const usual = often === undefined ? {} : { rhythm: often }
    for (const [name, fields] of Object.entries(blocks)) {
      if (!BlockName.safeParse(name).success) {
        this.#leaveOut(name, `${JSON.stringify(name)} is not a block name`)
        continue
      }
      const block: Block = {}
      checked[name] = block
      unread[name] = {}
      for (const [field, { unread: instead, type = 'double', ...info }] of Object.entries(fields)) {
        if (instead !== undefined && type !== 'double') unread[name][field] = instead
        if (FieldName.safeParse(field).success) block[field] = { ...usual, ...info, type }
        else this.#leaveOut(`${name}.${field}`, `${name}: ${JSON.stringify(field)} is not a field name`)
      }
    }
    this.#unread = unread
    const { record, frame_length = DEFAULT_FRAME_LENGTH, exclude_influx } = this.#spec
    return {
      agent_class: this.#agentClass,
      record,
      frame_length:
        typeof frame_length === 'number' ? frame_length : known ? frame_length(known) : DEFAULT_FRAME_LENGTH,
      ...(exclude_influx && { exclude_influx }),
      blocks: checked,
    }
  }
}

type Columns = Readonly<Record<string, readonly Value[]>>

/**
 * Why a whole message cannot be taken.
 * @param block its name, unless the block is known to be declared
 */
function unfit(block: string | undefined, t: readonly number[], values: unknown): string | undefined {
  if (block !== undefined && !BlockName.safeParse(block).success)
    return `${JSON.stringify(block)} is not a block name`
  const badTime = t.findIndex((at, i) => !Number.isFinite(at) || at < (t[i - 1] ?? -Infinity))
  if (badTime >= 0) return `time ${t[badTime]} is not a number or runs backwards`
  return typeof values === 'object' && values !== null ? undefined : 'it has no values'
}

/** Why a value cannot be taken. */
function misfit(type: FieldType, value: Value): string | undefined {
  if (typeof value === 'string' && value.length > STRING_LENGTH)
    return `a text of more than ${STRING_LENGTH} characters`
  if (!plain(value)) return `${value === null ? 'null' : typeof value} is not of type ${type}`
  return fromWire(type, wireOf(type, value)) === undefined
    ? `${String(value).slice(0, 80)} is not of type ${type}`
    : undefined
}

/** Converts one value for the wire. An integer has no minus zero, which would be sent as text. */
function wireOf(type: FieldType, value: Value): Wire {
  return type === 'int' && value === 0 ? 0 : toWire(value)
}

/**
 * An epoch name that was never used before: the wall clock's milliseconds, for people, and random digits, for
 * clocks that step back.
 */
function newEpoch(): string {
  return `${Date.now()}-${crypto.randomUUID().slice(0, 8)}`
}

function list(values: Value | readonly Value[] | undefined): readonly Value[] {
  if (values === undefined) return []
  return Array.isArray(values) ? (values as readonly Value[]) : [values as Value]
}

function own<T>(of: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(of, name) ? of[name] : undefined
}

function plain(value: unknown): boolean {
  return ['number', 'bigint', 'boolean', 'string'].includes(typeof value)
}
