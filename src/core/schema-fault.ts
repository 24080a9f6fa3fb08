import { z } from 'zod'
import { messageOf } from './errors.ts'
import { label } from './printable.ts'

/** Where a foreign value does not fit its schema, and why: the first fault, in a line of 200 characters at most. */
export function schemaFault(error: unknown): string {
  const first = error instanceof z.ZodError ? error.issues[0] : undefined
  if (!first) return label(messageOf(error))
  const why = first.code === 'invalid_union' ? 'is neither number, text, boolean nor null' : first.message
  return label(first.path.length === 0 ? why : `${first.path.join('.')}: ${why}`)
}
