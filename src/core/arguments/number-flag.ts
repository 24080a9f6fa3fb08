import type { z } from 'zod'
import { UsageError } from '../errors.ts'
import { coerce } from './coerce.ts'

/**
 * Makes a parser for a flag with a number.
 * @param wants a description of the number, for the error message
 * @returns a parser that throws UsageError for any other text
 */
export function numberFlag(flag: string, schema: z.ZodNumber, wants: string): (text: string) => number {
  return (text) => {
    const coerced = coerce(schema, [text])
    const { data } = 'value' in coerced ? schema.safeParse(coerced.value) : {}
    if (data === undefined) throw new UsageError(`${flag} takes ${wants}, given "${text}"`)
    return data
  }
}
