import type { z } from 'zod'
import { ConfigError, messageOf } from '../core/errors.ts'

/** What a file of people or principals says, YAML by name. @throws ConfigError for what cannot be meant */
export function parseEntries<S extends z.ZodType>(file: string, text: string, schema: S): z.output<S> {
  let given: unknown
  try {
    given = Bun.YAML.parse(text) ?? {}
  } catch (cause) {
    throw new ConfigError(`${file}: ${messageOf(cause)}`, { cause })
  }
  const { data, error } = schema.safeParse(given)
  if (!error) return data
  const [issue] = error.issues
  throw new ConfigError(`${file}: ${issue?.path.join('.')}: ${issue?.message}`)
}
