import type { z } from 'zod'
import { UsageError } from '../errors.ts'
import { coerce } from './coerce.ts'

/**
 * Reads the number of a flag.
 * @param wants what it takes, in words
 * @returns what throws UsageError for a text that is no such number
 */
export function numberFlag(flag: string, schema: z.ZodNumber, wants: string): (text: string) => number {
  return (text) => {
    const coerced = coerce(schema, [text])
    const { data } = 'value' in coerced ? schema.safeParse(coerced.value) : {}
    if (data === undefined) throw new UsageError(`${flag} takes ${wants}, given "${text}"`)
    return data
  }
}
