import type { z } from 'zod'

/** The value of words from a command line or site file, or a description of what was expected. */
export type Coerced = { readonly value: unknown } | { readonly wants: string }

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/
const TRUTHS = new Map([
  ...['true', 'yes', '1'].map((word) => [word, true] as const),
  ...['false', 'no', '0'].map((word) => [word, false] as const),
])

/**
 * Reads words as the type of a schema; the schema checks the value afterwards. A boolean without a word is
 * true; a list takes all words; anything else takes one.
 */
export function coerce(type: z.ZodType, words: readonly string[]): Coerced {
  const { def } = type as z.ZodType & { readonly def: Shape }
  switch (def.type) {
    case 'nullable': {
      const inner = def.innerType ? coerce(def.innerType, words) : oneWord(words)
      return 'wants' in inner && isNull(words) ? { value: null } : inner
    }
    case 'optional':
    case 'default':
    case 'prefault':
    case 'nonoptional':
    case 'readonly':
    case 'catch':
      return def.innerType ? coerce(def.innerType, words) : oneWord(words)
    case 'pipe':
      // A preprocessing step accepts any text.
      return def.in && def.in.type !== 'transform' ? coerce(def.in, words) : oneWord(words)
    case 'array':
      return all(words.map((word) => (def.element ? item(def.element, word) : { value: word })))
    case 'tuple':
      return all(words.map((word, at) => (def.items?.[at] ? coerce(def.items[at], [word]) : { value: word })))
    case 'union':
      return firstThatFits(def.options ?? [], words)
    case 'boolean': {
      const value = words.length === 0 ? true : TRUTHS.get(words[0]?.toLowerCase() ?? '')
      return words.length > 1 || value === undefined ? { wants: 'true or false' } : { value }
    }
    case 'number': {
      const word = oneWord(words)
      if ('wants' in word) return word
      return NUMBER.test(word.value) ? { value: Number(word.value) } : { wants: 'a number' }
    }
    case 'enum':
    case 'literal': {
      const word = oneWord(words)
      if ('wants' in word) return word
      const choices = def.values ?? Object.values(def.entries ?? {})
      const same = (as: string) => choices.find((choice) => String(choice) === as)
      return { value: same(word.value) ?? same(word.value.toLowerCase()) ?? word.value }
    }
    case 'null':
      return isNull(words) ? { value: null } : { wants: 'null' }
    case 'object':
    case 'record':
    case 'any':
    case 'unknown': {
      const word = oneWord(words)
      return 'wants' in word ? word : { value: jsonOrText(word.value) }
    }
    default:
      return oneWord(words)
  }
}

/** One item of a list, from one word; a list within a list must be written as JSON. */
function item(type: z.ZodType, word: string): Coerced {
  const { def } = type as z.ZodType & { readonly def: Shape }
  return def.type === 'array' || def.type === 'tuple' ? { value: jsonOrText(word) } : coerce(type, [word])
}

/** The parts of a zod schema that matter here. */
interface Shape {
  readonly type: string
  readonly innerType?: z.ZodType
  readonly in?: z.ZodType
  readonly element?: z.ZodType
  readonly items?: readonly z.ZodType[]
  readonly options?: readonly z.ZodType[]
  readonly values?: readonly unknown[]
  readonly entries?: Readonly<Record<string, unknown>>
}

function isNull(words: readonly string[]): boolean {
  return words.length === 1 && /^(null|none)$/i.test(words[0] ?? '')
}

function jsonOrText(word: string): unknown {
  try {
    return JSON.parse(word) as unknown
  } catch {
    return word
  }
}

function oneWord(words: readonly string[]): { readonly value: string } | { readonly wants: string } {
  const [word] = words
  return word !== undefined && words.length === 1 ? { value: word } : { wants: 'one value' }
}

function all(each: readonly Coerced[]): Coerced {
  const bad = each.find((one) => 'wants' in one)
  return bad ?? { value: each.map((one) => ('value' in one ? one.value : undefined)) }
}

function firstThatFits(options: readonly z.ZodType[], words: readonly string[]): Coerced {
  const read = options.map((option) => ({ option, coerced: coerce(option, words) }))
  const fit = read.find(
    ({ option, coerced }) => 'value' in coerced && option.safeParse(coerced.value).success,
  )
  return (fit ?? read.find(({ coerced }) => 'value' in coerced) ?? read[0])?.coerced ?? oneWord(words)
}
