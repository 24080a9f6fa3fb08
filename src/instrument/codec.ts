/**
 * How instruments write values in comma-separated records. Both directions are strict: a reply that does not
 * fit is a TransportError, a value that cannot be sent an OpError; both name the field.
 */

import { z } from 'zod'
import { counted } from '../core/counted.ts'
import { decimalOf } from '../core/decimal.ts'
import { messageOf, OpError, TransportError } from '../core/errors.ts'

/** One field of a record. */
export interface Cell<T> {
  /** The values it accepts; parameters of operations are declared with it. */
  readonly schema: z.ZodType<T>
  /** @throws TransportError if the text is not a valid value */
  decode(text: string): T
  /** @throws OpError if the value cannot be written */
  encode(value: T): string
}

const expected = (what: string, text: string) =>
  new TransportError(`expected ${what}, got ${JSON.stringify(text)}`)

/**
 * Makes a custom cell.
 * @param what its description, for messages: `expected what, got …`
 * @param decode receives the trimmed text; returns undefined if it is not a valid value
 * @param encode receives only values that match the schema
 */
export function cell<T>(
  schema: z.ZodType<T>,
  what: string,
  decode: (text: string) => T | undefined,
  encode: (value: T) => string,
): Cell<T> {
  return {
    schema,
    decode: (text) => {
      const value = decode(text.trim())
      if (value === undefined) throw expected(what, text)
      return value
    },
    encode: (value) => {
      if (!schema.safeParse(value).success) throw new OpError(`${JSON.stringify(value)} is not ${what}`)
      return encode(value)
    },
  }
}

/** A whole number: `007`, `+12`. */
export const integer: Cell<number> = cell(
  z.int(),
  'a whole number',
  // Plus zero: an integer has no minus zero.
  (text) => (/^[+-]?\d+$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) + 0 : undefined),
  String,
)

/** A decimal number: `+77.3500`, `-1.0E-03`. */
export const decimal: Cell<number> = cell(z.number(), 'a number', decimalOf, String)

/** `0` or `1`. */
export const flag: Cell<boolean> = cell(
  z.boolean(),
  '0 or 1',
  (text) => ({ '0': false, '1': true })[text],
  (value) => (value ? '1' : '0'),
)

/** `1` or `0`; replies of `ON` and `OFF` are accepted too. */
export const onOff: Cell<boolean> = cell(
  z.boolean(),
  'on or off',
  (text) => ({ '0': false, '1': true, OFF: false, ON: true })[text.toUpperCase()],
  (value) => (value ? '1' : '0'),
)

/**
 * Text of at most `maxLength` characters, without trailing blanks; a Lake Shore 372 wants it `quoted` in
 * commands, a 240 does not.
 */
export function text(maxLength: number, { quoted = false } = {}): Cell<string> {
  const schema = z
    .string()
    .max(maxLength)
    .regex(quoted ? /^[ !#-~]*$/ : /^[ -+\--~]*$/)
  const what = `text of at most ${maxLength} plain characters without ${quoted ? 'quotes' : 'commas'}`
  return cell(
    schema,
    what,
    (reply) => reply.replace(/^"(.*)"$/, '$1').trimEnd(),
    (value) => (quoted ? `"${value}"` : value),
  )
}

/** Names for consecutive codes, starting from `base`. */
export function choice<const N extends readonly [string, ...string[]]>(
  base: number,
  ...names: N
): Cell<N[number]> {
  const last = base + names.length - 1
  return cell<N[number]>(
    z.literal(names),
    `${names.join(', ')} (${base} to ${last})`,
    (code) => (/^\d+$/.test(code) ? names[Number(code) - base] : undefined),
    (value) => String(names.indexOf(value) + base),
  )
}

type Cells = Readonly<Record<string, Cell<unknown>>>
type Values<C extends Cells> = { [K in keyof C]: C[K] extends Cell<infer T> ? T : never }

/** A whole record: fields in the instrument's order, with our names. */
export interface Row<C extends Cells> {
  readonly schema: z.ZodObject<{ [K in keyof C]: C[K]['schema'] }>
  decode(reply: string): Values<C>
  encode(values: Values<C>): string
}

/** The record with these cells. Neither missing nor extra fields are accepted. */
export function row<C extends Cells>(cells: C): Row<C> {
  const entries = Object.entries(cells)
  const shape = Object.fromEntries(entries.map(([name, { schema }]) => [name, schema]))
  const blame = (name: string, whole: string, error: unknown) =>
    `${name}: ${messageOf(error)} in ${JSON.stringify(whole)}`
  return {
    schema: z.object(shape) as unknown as Row<C>['schema'],
    decode: (reply) => {
      const parts = reply.split(',')
      if (parts.length !== entries.length)
        throw expected(`${counted(entries.length, 'field')} (${Object.keys(cells).join(', ')})`, reply)
      const values = entries.map(([name, { decode }], index) => {
        try {
          return [name, decode(parts[index] ?? '')]
        } catch (error) {
          throw new TransportError(blame(name, reply, error), { cause: error })
        }
      })
      return Object.fromEntries(values) as Values<C>
    },
    encode: (values) =>
      entries
        .map(([name, { encode }]) => {
          try {
            return encode(values[name])
          } catch (error) {
            throw new OpError(`${name}: ${messageOf(error)}`, { cause: error })
          }
        })
        .join(','),
  }
}
