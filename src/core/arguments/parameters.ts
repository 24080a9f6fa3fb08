import { z } from 'zod'
import { UsageError } from '../errors.ts'
import { didYouMean } from '../names.ts'
import { coerce } from './coerce.ts'

/** A parameter of an operation, from the JSON Schema in its agent's `api`. */
export interface Property {
  readonly type?: string
  readonly anyOf?: readonly Property[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly items?: Property
  readonly propertyNames?: unknown
  readonly default?: unknown
  readonly description?: string
  readonly units?: string
  /** Where the present value is told: the data of another operation's session, as OPERATION.KEY (`get_scan.channel`). */
  readonly present?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly exclusiveMaximum?: number
}
const ARTICLES: Readonly<Record<string, string>> = {
  number: 'a number',
  integer: 'a whole number',
  text: 'one text',
}
export type Schema = Readonly<Record<string, unknown>> | undefined

/** A parameter described for people. */
export interface Parameter {
  readonly name: string
  /** The form of its value: `number`, `true|false`, `a|b|c`, …. */
  readonly takes: string
  readonly required: boolean
  /** All valid values; empty if they cannot be listed. */
  readonly choices: readonly string[]
  /** Description, range, units, default. */
  readonly help: string
  readonly property: Property
}

/** The parameters of an operation, in order of declaration. */
export function parametersOf(schema: Schema): Parameter[] {
  const required = new Set((schema?.['required'] ?? []) as readonly string[])
  return Object.entries((schema?.['properties'] ?? {}) as Readonly<Record<string, Property>>).map(
    ([name, given]) => {
      const property = plain(given)
      return {
        name,
        takes: takes(property),
        required: required.has(name),
        choices: choicesOf(property).map(text),
        help: helpOf(property, required.has(name)),
        property,
      }
    },
  )
}

/** JSON Schema has two notations for alternative types; this turns them into one. */
function plain({
  anyOf,
  items,
  type,
  ...rest
}: Omit<Property, 'type'> & { readonly type?: string | readonly string[] }): Property {
  const either = typeof type === 'object' ? type.map((one) => ({ ...rest, type: one })) : anyOf?.map(plain)
  return {
    ...rest,
    ...(typeof type === 'string' && { type }),
    ...(items && { items: plain(items) }),
    ...(either && { anyOf: either }),
  }
}

/**
 * Reads a value from words, using the JSON Schema that the agent publishes.
 * @param label the name of the parameter in error messages
 * @throws UsageError if the words cannot be its value
 */
export function parameterValue(
  { property, takes, choices }: Parameter,
  words: readonly string[],
  label: string,
): unknown {
  const schema = schemaOf(property)
  const coerced = coerce(schema, words)
  if ('value' in coerced && schema.safeParse(coerced.value).success) return coerced.value
  const given = words.length === 0 ? 'nothing' : words.map((word) => JSON.stringify(word)).join(' ')
  const bad = (wants: string, more = '') => new UsageError(`${label} takes ${wants}, given ${given}${more}`)
  if (choices.length > 0) {
    const [near] = didYouMean(words[0] ?? '', choices)
    throw bad(`one of ${choices.join(', ')}`, near && `: did you mean ${near}?`)
  }
  const isOutside =
    'value' in coerced &&
    typeof coerced.value === 'number' &&
    schemaOf({ ...(property.type && { type: property.type }) }).safeParse(coerced.value).success
  throw bad(isOutside ? rangeOf(property) : (ARTICLES[takes] ?? takes))
}

/** Keywords of a foreign agent's schema that zod does not know accept any value: the agent checks it. */
function schemaOf(property: Property): z.ZodType {
  // The agent checks the member names of an object: zod would treat the value as text to be parsed.
  const { propertyNames: _, ...known } = property
  try {
    return z.fromJSONSchema(known as never)
  } catch {
    return z.unknown()
  }
}

function choicesOf(property: Property): readonly unknown[] {
  if (property.enum) return property.enum
  if (property.const !== undefined) return [property.const]
  if (property.type === 'boolean') return [true, false]
  if (property.anyOf?.every((one) => choicesOf(one).length > 0 || one.type === 'null'))
    return property.anyOf.flatMap((one) => (one.type === 'null' ? [null] : choicesOf(one)))
  return []
}

function takes(property: Property): string {
  const choices = choicesOf(property)
  if (choices.length > 0) return choices.map(text).join('|')
  if (property.anyOf) return property.anyOf.map(takes).join('|')
  if (property.type === 'array') return `${takes(property.items ?? {})}…`
  return property.type === 'string' ? 'text' : (property.type ?? 'value')
}

function helpOf(property: Property, required: boolean): string {
  const range = rangeOf(property.anyOf?.find((one) => one.type !== 'null') ?? property)
  const notes = [
    range === 'a number' ? '' : range,
    property.units ?? '',
    required ? 'required' : '',
    property.default === undefined ? '' : `default ${text(property.default) || 'empty'}`,
  ].filter((note) => note !== '')
  return [property.description ?? '', notes.length > 0 ? `(${notes.join(', ')})` : ''].join(' ').trim()
}

/** `1 to 8`, `more than 0`, … */
function rangeOf({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Property): string {
  // zod gives every integer the limits of exactly representable integers: nobody chose that range.
  const chosen = (limit = Infinity) => (Math.abs(limit) < Number.MAX_SAFE_INTEGER ? limit : undefined)
  const [low, high] = [chosen(minimum), chosen(maximum)]
  if (low !== undefined && high !== undefined) return `${low} to ${high}`
  const from =
    low !== undefined
      ? `at least ${low}`
      : exclusiveMinimum !== undefined
        ? `more than ${exclusiveMinimum}`
        : ''
  const to =
    high !== undefined
      ? `at most ${high}`
      : exclusiveMaximum !== undefined
        ? `less than ${exclusiveMaximum}`
        : ''
  return [from, to].filter((part) => part !== '').join(', ') || 'a number'
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}
