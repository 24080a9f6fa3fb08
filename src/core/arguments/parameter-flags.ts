import { UsageError } from '../errors.ts'
import { nearOr } from '../names.ts'
import { flattenArguments } from './agent-arguments.ts'
import { parametersOf, parameterValue, type Schema } from './parameters.ts'

/** The spelling of a parameter on a command line: `--channel`. */
export function flagOf(name: string): string {
  return `--${name.replaceAll('_', '-')}`
}

/**
 * Turns `--channel 3 --name "4K plate"` into the parameters of a request, using the JSON Schema that the
 * agent publishes. Parameters that an open schema does not declare are JSON, or else text.
 * @param op the name of the operation in error messages
 * @throws UsageError for an unknown parameter, an invalid value, or a missing parameter
 */
export function paramsOf(words: readonly string[], schema: Schema, op: string): Record<string, unknown> {
  const known = parametersOf(schema)
  const given = new Map<string, string[]>()
  const undeclared: Record<string, unknown> = {}
  for (const { flag, values } of flattenArguments(words)) {
    if (flag === '')
      throw new UsageError(`${op}: "${values.join(' ')}" stands before any parameter: write --name=value`)
    const name = known.find((one) => flagOf(one.name) === flag)?.name
    if (name === undefined && isOpen(schema)) {
      undeclared[flag.slice(2).replaceAll('-', '_')] =
        values.length > 1 ? values.map(plain) : plain(values[0])
      continue
    }
    if (name === undefined)
      throw new UsageError(
        `${op} has no parameter ${flag}: ${nearOr(
          flag,
          known.map(({ name }) => flagOf(name)),
          'it takes',
        )}`,
      )
    const before = given.get(name)
    if (before && known.find((one) => one.name === name)?.property.type !== 'array')
      throw new UsageError(`${op}: ${flag} is given twice`)
    given.set(name, [...(before ?? []), ...values])
  }
  const missing = known.filter(({ name, required }) => required && !given.has(name))
  if (missing.length > 0) {
    const flags = missing.map(({ name, takes }) => `${flagOf(name)} <${takes}>`)
    throw new UsageError(`${op} needs ${flags.join(' and ')}`)
  }
  const declared = known.flatMap((parameter) => {
    const values = given.get(parameter.name)
    return values === undefined
      ? []
      : [[parameter.name, parameterValue(parameter, values, `${op}: ${flagOf(parameter.name)}`)] as const]
  })
  return { ...undeclared, ...Object.fromEntries(declared) }
}

/** Whether an operation accepts undeclared parameters: OCS agents check their parameters themselves. */
function isOpen(schema: Schema): boolean {
  const open = schema?.['additionalProperties']
  return open !== undefined && open !== false
}

/** A value without a declared type: JSON if it parses, otherwise text; a flag without a value is true. */
function plain(text: string | undefined): unknown {
  if (text === undefined) return true
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
