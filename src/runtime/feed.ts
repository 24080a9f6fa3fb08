import type { Blocks, FeedPublisher, FeedSpec } from '../core/agent.ts'
import type { FeedDeclaration, FieldInfo, Row } from '../core/channels.ts'
import { messageOf } from '../core/errors.ts'
import { BlockName, FieldName } from '../core/names.ts'
import { fromWire, jsonWithNumbers, toWire, typeOf, type Value, type Wire } from '../core/wire.ts'

type Block = { -readonly [F in string]: FieldInfo }

/** Where the rows of a feed go. */
export interface FeedOutput {
  /** A new row in its order; not yet durable. */
  row(declaration: FeedDeclaration, row: Omit<Row, 'seq'>): void
  /** A message of no block, of a feed that is not recorded. */
  message(message: unknown): void
  /** Values of a field (`block.field`) that lie outside its declared range; they are in the row all the same. */
  outOfRange(field: string, count: number): void
  /** A message that could not be taken, with the reason. */
  quarantined(reason: string): void
  /** The declaration changed. */
  declared(): void
  /** An epoch ends and another begins. */
  newEpoch(reason: string): void
}

const DEFAULT_FRAME_LENGTH = 300
/** Characters of one text value, and of a message without blocks as JSON. */
const STRING_LENGTH = 65_536
const MESSAGE_LENGTH = 1 << 20

/**
 * Turns what an operation publishes into checked rows. Holds the feed's declaration and its epoch: the process's
 * start, a field that was not declared and a clock that stepped back each begin a new one.
 */
export class FeedWriter implements FeedPublisher {
  readonly #output: FeedOutput
  readonly #agentClass: string
  readonly #spec: FeedSpec<never>
  #declaration: FeedDeclaration
  #instrument: unknown
  #epoch = newEpoch()
  #lastTime = new Map<string, number>()

  constructor(spec: FeedSpec<never>, agentClass: string, output: FeedOutput) {
    this.#spec = spec
    this.#agentClass = agentClass
    this.#output = output
    this.#declaration = this.#declare(typeof spec.blocks === 'function' ? {} : spec.blocks)
  }

  get declaration(): FeedDeclaration {
    return this.#declaration
  }

  /** The instrument is known (again): the declaration follows it, and a different one begins an epoch. */
  connected(instrument: unknown): void {
    this.#instrument = instrument
    this.redeclare()
  }

  redeclare(): void {
    const { blocks, frame_length } = this.#spec
    if (typeof blocks !== 'function' && typeof frame_length !== 'function') return
    const declared = typeof blocks === 'function' ? blocks(this.#instrument as never) : blocks
    const declaration = this.#declare(declared)
    if (JSON.stringify(declaration) === JSON.stringify(this.#declaration)) return
    this.#declaration = declaration
    this.#begin('the instrument declares other fields')
  }

  publish(
    block: string,
    time: number | readonly number[],
    values: Readonly<Record<string, Value | readonly Value[]>>,
  ): void {
    const t = Array.isArray(time) ? [...(time as readonly number[])] : [time as number]
    const reason = this.#unfit(block, t, values)
    if (reason !== undefined) {
      this.#output.quarantined(`${block}: ${reason}`)
      return
    }
    if (t.length === 0) return
    this.#admit(block, values)
    if ((t[0] ?? 0) < (this.#lastTime.get(block) ?? -Infinity)) this.#begin('the clock stepped back')
    this.#lastTime.set(block, t.at(-1) ?? 0)
    const data: Record<string, Wire[]> = {}
    for (const name of Object.keys(this.#declaration.blocks[block] ?? {})) {
      data[name] = Object.hasOwn(values, name) ? list(values[name]).map(toWire) : t.map(() => null)
    }
    this.#countOutside(block, values)
    this.#output.row(this.#declaration, { epoch: this.#epoch, block, t, data })
  }

  send(message: unknown): void {
    try {
      if (this.#spec.record) throw new TypeError('a recorded feed takes blocks: publish()')
      const json = jsonWithNumbers(message)
      const length = JSON.stringify(json ?? null).length
      if (length > MESSAGE_LENGTH) throw new RangeError(`${length} characters; at most ${MESSAGE_LENGTH}`)
      this.#output.message(json)
    } catch (error) {
      this.#output.quarantined(messageOf(error))
    }
  }

  #countOutside(block: string, values: Readonly<Record<string, Value | readonly Value[]>>): void {
    for (const [name, { range }] of Object.entries(this.#declaration.blocks[block] ?? {})) {
      if (!range) continue
      const [low, high] = [range[0] ?? -Infinity, range[1] ?? Infinity]
      const outside = list(values[name]).filter((value) => Number(value) < low || Number(value) > high)
      if (outside.length > 0) this.#output.outOfRange(`${block}.${name}`, outside.length)
    }
  }

  /** Why a message cannot be taken; nothing has been changed by it. */
  #unfit(block: string, t: readonly number[], values: Readonly<Record<string, unknown>>): string | undefined {
    if (!BlockName.safeParse(block).success) return `"${block}" is not a block name`
    const badTime = t.findIndex((at, i) => !Number.isFinite(at) || at < (t[i - 1] ?? -Infinity))
    if (badTime >= 0) return `time ${t[badTime]} is not a number or runs backwards`
    if (typeof values !== 'object' || values === null) return 'it has no values'
    // Names such as "constructor" are every object's: only its own count.
    const declared = own(this.#declaration.blocks, block) ?? {}
    for (const [name, given] of Object.entries(values)) {
      if (!FieldName.safeParse(name).success || name === '__proto__') return `"${name}" is not a field name`
      const column = list(given as Value)
      if (column.length !== t.length) return `${name}: ${column.length} values for ${t.length} times`
      const type = own(declared, name)?.type ?? typeOf(column[0] ?? 0)
      if (column.some((value) => typeof value === 'string' && value.length > STRING_LENGTH))
        return `${name}: a text of more than ${STRING_LENGTH} characters`
      const misfit = column.findIndex((value) => !plain(value) || fromWire(type, toWire(value)) === undefined)
      if (misfit >= 0) return `${name}: ${String(column[misfit])} is not of type ${type}`
    }
    const missing = Object.entries(declared).find(
      ([name, { type }]) => type !== 'double' && !Object.hasOwn(values, name),
    )
    return missing && `${missing[0]}: no value, and ${missing[1].type} has none to stand for that`
  }

  /** Fields that nobody declared are declared now; the archive's other fields keep what they have. */
  #admit(block: string, values: Readonly<Record<string, Value | readonly Value[]>>): void {
    const declared: Block = { ...own(this.#declaration.blocks, block) }
    const fresh = Object.keys(values).filter((name) => !Object.hasOwn(declared, name))
    if (fresh.length === 0) return
    for (const name of fresh) declared[name] = { type: typeOf(list(values[name])[0] ?? 0) }
    const known = Object.hasOwn(this.#declaration.blocks, block)
    this.#declaration = {
      ...this.#declaration,
      blocks: { ...this.#declaration.blocks, [block]: declared },
    }
    this.#begin(`new ${known ? 'fields' : 'block'} ${block}: ${fresh.join(', ')}`)
  }

  /** An epoch that has no row yet becomes the new one. */
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
    for (const [name, fields] of Object.entries(blocks)) {
      checked[BlockName.parse(name)] = Object.fromEntries(
        Object.entries(fields).map(([field, info]) => [
          FieldName.parse(field),
          { ...info, type: info.type ?? 'double' },
        ]),
      )
    }
    const { record, frame_length = DEFAULT_FRAME_LENGTH } = this.#spec
    const known = this.#instrument as never
    return {
      agent_class: this.#agentClass,
      record,
      frame_length:
        typeof frame_length === 'number' ? frame_length : known ? frame_length(known) : DEFAULT_FRAME_LENGTH,
      blocks: checked,
    }
  }
}

/** A name no epoch had before: the wall clock's milliseconds, for people, and randomness, for clocks that step back. */
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
