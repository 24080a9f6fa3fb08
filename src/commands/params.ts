import { flattenArguments } from '../core/arguments.ts'

interface Property {
  readonly type?: string
  readonly anyOf?: readonly Property[]
}

/**
 * `--channel 3 --name "4K plate"` as the parameters of a request, by the types that the agent publishes for them.
 * What does not look like its type is sent as it is: the agent's own check names the rule.
 */
export function paramsOf(
  words: readonly string[],
  schema: Readonly<Record<string, unknown>> | undefined,
): Record<string, unknown> {
  const properties = (schema?.['properties'] ?? {}) as Readonly<Record<string, Property>>
  return Object.fromEntries(
    flattenArguments(words).map(({ flag, values }) => {
      const name = flag.replace(/^-+/, '').replaceAll('-', '_')
      const property = properties[name]
      if (property?.type === 'array') return [name, values.map(guess)]
      return [name, values.length === 0 ? true : typed(values.join(' '), property)]
    }),
  )
}

function typed(text: string, property: Property | undefined): unknown {
  if (property?.type === 'string') return text
  return guess(text)
}

function guess(text: string): unknown {
  if (/^(true|false)$/i.test(text)) return text.toLowerCase() === 'true'
  const number = Number(text)
  if (text.trim() !== '' && !Number.isNaN(number)) return number
  try {
    return /^[[{]/.test(text) ? (JSON.parse(text) as unknown) : text
  } catch {
    return text
  }
}
