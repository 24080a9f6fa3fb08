/**
 * Checks the keys of a declaration as it is made: a user's own module is not compiled, and a misspelt key
 * would have no effect.
 */
import { ConfigError } from '../errors.ts'
import { didYouMean, nearOr } from '../names.ts'

/** The keys of a type, and which of them are required: the compiler keeps both in step with the type. */
export type Keys<T> = { readonly [K in keyof T]-?: Record<never, never> extends Pick<T, K> ? 'may' : 'must' }

/**
 * Checks the keys of one level of a declaration.
 * @param where the start of an error message: `PressureGaugeAgent: feed pressures`
 * @param levels the keys of the other levels, to say where a misplaced key belongs
 * @throws ConfigError for an unknown key and for a missing required one
 */
export function checkKeys(
  given: object,
  keys: Readonly<Record<string, 'must' | 'may'>>,
  where: string,
  levels: readonly (readonly [whose: string, keys: object])[] = [],
): void {
  for (const key of Object.keys(given)) {
    if (Object.hasOwn(keys, key)) continue
    const known = Object.keys(keys)
    const level = levels.find(([, others]) => Object.hasOwn(others, key))?.[0]
    const told =
      level && didYouMean(key, known).length === 0
        ? `it is a key of ${level}`
        : nearOr(key, known, 'it takes')
    throw new ConfigError(`${where}: unknown key ${JSON.stringify(key)}: ${told}`)
  }
  for (const [key, need] of Object.entries(keys))
    if (need === 'must' && ((given as Record<string, unknown>)[key] ?? undefined) === undefined)
      throw new ConfigError(`${where}: no "${key}"`)
}
