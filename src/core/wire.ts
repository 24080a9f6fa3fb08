import { z } from 'zod'
import { FieldName, isFieldName } from './names.ts'

/** The types a field can have in a block; an undeclared number is a double. */
export const FieldType = z.enum(['double', 'int', 'bool', 'string'])
export type FieldType = z.output<typeof FieldType>

/** A value as an agent passes it. */
export type Value = number | bigint | boolean | string
/**
 * A value as it is sent: JSON has no NaN, no infinities, no -0 and no exact integers beyond 2^53, so these
 * are strings.
 */
export const Wire = z.union([z.number(), z.boolean(), z.string(), z.null()])
export type Wire = z.output<typeof Wire>

const isWire = (value: unknown) =>
  Number.isFinite(value) || typeof value === 'string' || typeof value === 'boolean' || value === null
const isColumn = (value: unknown) => Array.isArray(value) && value.every(isWire)
/** Whether a value can be a `TimeColumn` as it is. */
export const isTimes = (value: unknown) => Array.isArray(value) && value.every(Number.isFinite)
/** Whether a value is an object as JSON has them. */
export const isPlain = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
/** Whether a value can be `WireColumns` as it is. */
export const isColumns = (value: unknown) =>
  isPlain(value) && Object.keys(value).every((name) => isFieldName(name) && isColumn(value[name]))

/** The values of a field in one row. */
export const WireColumn = quick(z.array(Wire), isColumn)
/** The times of a row, unix s. */
export const TimeColumn = quick(z.array(z.number()), isTimes)
/** The columns of a row, by field. */
export const WireColumns = quick(z.record(FieldName, WireColumn), isColumns)

/**
 * A schema that accepts a fitting value as it is, as nearly every value is, and leaves all others to zod,
 * with the same faults. zod itself allocates for each value and key, which is a third of a recorder's cost
 * (decisions 0019 and 0043).
 */
export function quick<Schema extends z.ZodType>(schema: Schema, fits: (value: unknown) => boolean): Schema {
  const { parse } = schema._zod
  schema._zod.parse = (payload, context) =>
    fits(payload.value) ? (payload as never) : parse(payload, context)
  schema._zod.run = schema._zod.parse
  return schema
}

/** Doubles that JSON cannot carry, by the text that represents them. */
const SPELLED: Record<string, number> = {
  NaN: Number.NaN,
  Infinity: Infinity,
  '-Infinity': -Infinity,
  '-0': -0,
}

/** Converts a value for the wire; `null` for a field without a value. */
export function toWire(value: Value): Wire {
  if (typeof value === 'number') {
    if (Object.is(value, -0)) return '-0'
    return Number.isFinite(value) ? value : String(value)
  }
  if (typeof value === 'bigint') {
    const number = Number(value)
    return Number.isSafeInteger(number) ? number : String(value)
  }
  return value
}

/**
 * Reads a value from the wire, using the field's declared type.
 * @returns the value, or undefined if it does not fit the type (the caller leaves it out)
 */
export function fromWire(type: FieldType, wire: Wire | undefined): Value | undefined {
  switch (type) {
    case 'double':
      if (typeof wire === 'number') return wire
      if (wire === null || wire === undefined) return Number.NaN
      return typeof wire === 'string' ? SPELLED[wire] : undefined
    case 'int':
      if (typeof wire === 'number') return Number.isSafeInteger(wire) ? wire : undefined
      return typeof wire === 'string' && /^-?\d{1,19}$/.test(wire) ? int64(wire) : undefined
    case 'bool':
      return typeof wire === 'boolean' ? wire : undefined
    case 'string':
      return typeof wire === 'string' ? wire : undefined
  }
}

function int64(text: string): bigint | undefined {
  const value = BigInt(text)
  return BigInt.asIntN(64, value) === value ? value : undefined
}

/** The type of an undeclared value. */
export function typeOf(value: Value): FieldType {
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'string') return 'string'
  return typeof value === 'bigint' ? 'int' : 'double'
}

/**
 * Any data as plain JSON, with non-finite numbers and large integers as strings. Keys stay as they are,
 * `undefined` members are dropped, dates become ISO text.
 * @throws TypeError for what JSON cannot hold (functions, symbols, cycles)
 */
export function jsonWithNumbers(data: unknown): unknown {
  return walk(data, new Set())
}

function walk(data: unknown, above: Set<object>): unknown {
  if (typeof data === 'number' || typeof data === 'bigint') return toWire(data)
  if (data === null || data === undefined || typeof data === 'boolean' || typeof data === 'string')
    return data
  if (typeof data !== 'object') throw new TypeError(`a ${typeof data} cannot be sent`)
  if (data instanceof Date) return data.toISOString()
  if (above.has(data)) throw new TypeError('data that contains itself cannot be sent')
  above.add(data)
  const items = ArrayBuffer.isView(data) ? Array.from(data as unknown as ArrayLike<number>) : data
  const result = Array.isArray(items)
    ? items.map((item) => walk(item, above) ?? null)
    : Object.fromEntries(Object.entries(items).map(([key, item]) => [key, walk(item, above)]))
  above.delete(data)
  return result
}

/**
 * The JSON of a document plus one more member whose JSON already exists.
 * @param document has at least one member
 * @param text JSON of the member's value
 */
export function withText(document: Readonly<Record<string, unknown>>, name: string, text: string): string {
  return `${JSON.stringify(document).slice(0, -1)},${JSON.stringify(name)}:${text}}`
}

const [QUOTE, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [
  0x22, 0x5c, 0x5b, 0x5d, 0x7b, 0x7d,
]
/** The deepest nesting of lists and objects in a payload: readers recurse through them. */
const DEPTH = 64

/**
 * Parses JSON.
 * @throws SyntaxError for invalid JSON, RangeError for JSON that is nested too deep
 */
export function parseBounded(text: string): unknown {
  if (has(text, '[', DEPTH / 2) || has(text, '{', DEPTH / 2)) mustBeFlat(text)
  return JSON.parse(text)
}

/** Whether a text contains a character more than `most` times. */
function has(text: string, character: string, most: number): boolean {
  let count = 0
  for (let at = text.indexOf(character); at >= 0; at = text.indexOf(character, at + 1))
    if (++count > most) return true
  return false
}

function mustBeFlat(text: string): void {
  let depth = 0
  let inText = false
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (inText) {
      if (code === BACKSLASH) at++
      else if (code === QUOTE) inText = false
    } else if (code === QUOTE) inText = true
    else if (code === OPEN_LIST || code === OPEN_OBJECT) {
      if (++depth > DEPTH) throw new RangeError(`lists and objects nested deeper than ${DEPTH}`)
    } else if (code === CLOSE_LIST || code === CLOSE_OBJECT) depth--
  }
}
