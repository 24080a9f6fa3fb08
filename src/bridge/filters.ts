import { z } from 'zod'
import type { Known } from '../lab/catalog.ts'
import type { Curve } from '../lab/fetch-curves.ts'
import type { Metric } from '../lab/targets.ts'
import { linearRegex } from './linear-regex.ts'

/** The keys of a dashboard's ad hoc filters. */
const KEYS = ['node', 'field', 'unit'] as const
type Key = (typeof KEYS)[number]

const Filter = z.object({
  key: z.string().max(100),
  operator: z.string().max(10),
  value: z.string().max(1000),
})
/** The ad hoc filters of a query; invalid ones are ignored. */
export const AdHocFilters = z
  .array(z.unknown())
  .max(50)
  .catch([])
  .transform((list) => list.flatMap((one) => Filter.safeParse(one).data ?? []))

/** The answer to `/tag-keys`. */
export const tagKeys = KEYS.map((text) => ({ type: 'string', text }))

/** The answer to `/tag-values`: the distinct values of a key; empty for an unknown key. */
export function tagValues(known: readonly Known[], given: string): { readonly text: string }[] {
  const key = keyOf(given)
  if (!key) return []
  const values = known.map(({ node, field, about }) => ({ node, field, unit: about.units ?? '' })[key])
  return [...new Set(values)].filter((text) => text !== '').map((text) => ({ text }))
}

/**
 * Whether a metric passes all filters; a filter with an unknown key or a numeric operator passes everything.
 */
export function passes(
  { node, field }: Metric,
  curve: Curve | undefined,
  filters: readonly z.output<typeof Filter>[],
): boolean {
  const of = { node, field, unit: curve?.about.units ?? '' }
  return filters.every(({ key: given, operator, value }) => {
    const key = keyOf(given)
    if (!key) return true
    const same = of[key].toLowerCase() === value.toLowerCase()
    if (operator === '=') return same
    if (operator === '!=') return !same
    if (operator === '=~') return found(value, of[key])
    if (operator === '!~') return !found(value, of[key])
    return true
  })
}

/** `agent` is a synonym of `node`. */
function keyOf(given: string): Key | undefined {
  return given === 'agent' ? 'node' : KEYS.find((key) => key === given)
}

function found(expression: string, text: string): boolean {
  try {
    return linearRegex(expression)(text) !== undefined
  } catch {
    return false
  }
}
