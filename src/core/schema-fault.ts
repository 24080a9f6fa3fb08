import { z } from 'zod'
import { messageOf } from './errors.ts'
import { label } from './printable.ts'

/**
 * Where and why a foreign value does not fit its schema: the first fault, in one line of at most 200
 * characters.
 */
export function schemaFault(error: unknown): string {
  const first = error instanceof z.ZodError ? error.issues[0] : undefined
  if (!first) return label(messageOf(error))
  const why = first.code === 'invalid_union' ? 'is neither number, text, boolean nor null' : first.message
  return label(first.path.length === 0 ? why : `${first.path.join('.')}: ${why}`)
}
