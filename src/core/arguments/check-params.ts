import { z } from 'zod'
import { notFound } from '../names.ts'
import { isSecret } from '../redact.ts'

/**
 * A parameter that may also be NaN or infinite; both travel as text. A plain `z.number()` accepts neither.
 * Give it a default by `.prefault()`, so that its JSON Schema has the default too.
 */
export const AnyNumber = z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity']).transform(Number)])

/** The result of checking parameters or arguments: the typed values, or a sentence for each fault. */
export type Checked<T> = { readonly values: T } | { readonly faults: readonly Fault[] }
/** One fault: the name of the parameter, and a sentence with the rule and the given value. */
export interface Fault {
  readonly name: string
  readonly text: string
}

/**
 * Checks values against an object schema; unknown names are faults.
 * @param label spells a name in the text of a fault; quoted by default
 */
export function checkParams<S extends z.ZodObject>(
  schema: S,
  given: Readonly<Record<string, unknown>>,
  label: (name: string) => string = (name) => `"${name}"`,
): Checked<z.output<S>> {
  // A schema that accepts undeclared names has a `catchall`.
  const result = (schema.def.catchall ? schema : schema.strict()).safeParse(given)
  if (result.success) return { values: result.data as z.output<S> }
  return { faults: result.error.issues.flatMap((issue) => faultsOf(issue, schema, given, label)) }
}

function faultsOf(
  issue: z.core.$ZodIssue,
  schema: z.ZodObject,
  given: Readonly<Record<string, unknown>>,
  label: (name: string) => string,
): Fault[] {
  const names = Object.keys(schema.shape)
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((name) => ({
      name,
      text: notFound('there is no parameter', name, names, 'it takes'),
    }))
  }
  const name = String(issue.path[0] ?? '')
  if (issue.path.length === 1 && given[name] === undefined)
    return [{ name, text: `${label(name)} is required` }]
  const at = issue.path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown>)?.[key], given)
  const shown = issue.path.some(isSecret) ? '' : `, given ${show(at)}`
  return [{ name, text: `${label(issue.path.join('.'))}: ${ruleOf(issue)}${shown}` }]
}

/** The rule that was broken; for a union, the rule of each alternative. */
function ruleOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_value') return `one of ${issue.values.map(String).join(', ')}`
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return issue.message
  return [...new Set(issue.errors.flatMap(([first]) => (first ? [ruleOf(first)] : [])))].join(', or ')
}

function show(value: unknown): string {
  return typeof value === 'number' || typeof value === 'bigint'
    ? String(value)
    : (JSON.stringify(value) ?? 'nothing')
}
