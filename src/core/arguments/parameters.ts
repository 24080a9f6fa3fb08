import { UsageError } from '../errors.ts'
import { didYouMean } from '../names.ts'

/** A parameter of an operation, as the JSON Schema in its agent's `api` has it. */
export interface Property {
  readonly type?: string
  readonly anyOf?: readonly Property[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly items?: Property
  readonly default?: unknown
  readonly description?: string
  readonly units?: string
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

/** What a person needs to know of a parameter. */
export interface Parameter {
  readonly name: string
  /** `number`, `true|false`, `a|b|c`, …: what its words may be. */
  readonly takes: string
  readonly required: boolean
  /** All values there are; empty where they cannot be listed. */
  readonly choices: readonly string[]
  /** Description, range, units, default. */
  readonly help: string
  readonly property: Property
}

/** The parameters of an operation, in the order of their declaration. */
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

/** JSON Schema writes a choice of types in two ways; afterwards it is one. */
function plain({
  anyOf,
  items,
  ...rest
}: Property & { readonly type?: string | readonly string[] }): Property {
  const types = Array.isArray(rest.type) ? rest.type : undefined
  const either = types ? types.map((type) => ({ ...rest, type })) : anyOf?.map(plain)
  return { ...(rest as Property), ...(items && { items: plain(items) }), ...(either && { anyOf: either }) }
}

/**
 * A value from its words, by the JSON Schema that the agent publishes.
 * @param label how a complaint names the parameter
 * @throws UsageError for words that cannot be its value
 */
export function parameterValue(
  { property, takes, choices }: Parameter,
  words: readonly string[],
  label: string,
): unknown {
  const given = words.length === 0 ? 'nothing' : words.map((word) => JSON.stringify(word)).join(' ')
  const bad = (wants: string, more = '') => new UsageError(`${label} takes ${wants}, given ${given}${more}`)
  if (property.type === 'array') {
    const items = words.map((word) => read(property.items ?? {}, word))
    if (items.some((item) => item === undefined)) throw bad(takes)
    return items
  }
  if (words.length === 0 && property.type === 'boolean') return true
  const value = words.length === 1 ? read(property, words[0] ?? '') : undefined
  if (value === undefined && choices.length > 0) {
    const [near] = didYouMean(words[0] ?? '', choices)
    throw bad(`one of ${choices.join(', ')}`, near && `: did you mean ${near}?`)
  }
  if (value === undefined) throw bad(ARTICLES[takes] ?? takes)
  const range = rangeOf(property)
  if (typeof value === 'number' && !inRange(property, value)) throw bad(range)
  return value
}

/** A word as the type wants it; undefined when it cannot be that. */
function read(property: Property, word: string): unknown {
  if (property.anyOf) {
    const all = property.anyOf.map((one) => read(one, word))
    return all.find((value) => value !== undefined)
  }
  const choices = choicesOf(property)
  if (choices.length > 0) {
    const same = (as: string) => choices.find((choice) => text(choice) === as)
    return same(word) ?? same(word.toLowerCase())
  }
  switch (property.type) {
    case 'string':
      return word
    case 'number':
    case 'integer': {
      const value = word.trim() === '' ? Number.NaN : Number(word)
      return property.type === 'integer' ? whole(value) : Number.isFinite(value) ? value : undefined
    }
    case 'null':
      return /^(null|none)$/i.test(word) ? null : undefined
    default:
      return json(word)
  }
}

function whole(value: number): number | undefined {
  return Number.isInteger(value) ? value : undefined
}

/** An object or list as JSON; what is no JSON is a text. */
function json(word: string): unknown {
  try {
    return JSON.parse(word) as unknown
  } catch {
    return word
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
    property.default === undefined ? '' : `default ${text(property.default)}`,
  ].filter((note) => note !== '')
  return [property.description ?? '', notes.length > 0 ? `(${notes.join(', ')})` : ''].join(' ').trim()
}

/** `1 to 8`, `more than 0`, … */
function rangeOf({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Property): string {
  // An integer's schema carries the limits of a double's exact integers: no range that anyone chose.
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

function inRange(property: Property, value: number): boolean {
  const { minimum = -Infinity, maximum = Infinity } = property
  const { exclusiveMinimum = -Infinity, exclusiveMaximum = Infinity } = property
  return (
    value >= minimum &&
    value <= maximum &&
    (value > exclusiveMinimum || exclusiveMinimum === -Infinity) &&
    (value < exclusiveMaximum || exclusiveMaximum === Infinity)
  )
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}
