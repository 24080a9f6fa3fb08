import { z } from 'zod'
import { notFound } from '../names.ts'
import { isSecret } from '../redact.ts'

/**
 * A parameter that may be NaN or infinite as well, which travel as text; a plain `z.number()` takes neither.
 * Give it a default by `.prefault()`, so that its JSON Schema has it, too.
 */
export const AnyNumber = z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity']).transform(Number)])

/** What a check of parameters or arguments found: the typed values, or a sentence for each fault. */
export type Checked<T> = { readonly values: T } | { readonly faults: readonly Fault[] }
/** One fault: the name it is about and a sentence that names the rule and the value given. */
export interface Fault {
  readonly name: string
  readonly text: string
}

/**
 * Checks given values against an object schema, unknown names included.
 * @param label how a fault's text writes a name: quoted, unless the caller knows it by another spelling
 */
export function checkParams<S extends z.ZodObject>(
  schema: S,
  given: Readonly<Record<string, unknown>>,
  label: (name: string) => string = (name) => `"${name}"`,
): Checked<z.output<S>> {
  // One that takes names that it does not declare says so.
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

/** The rule that was broken; of alternatives, that of each. */
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
