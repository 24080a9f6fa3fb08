import { checkKeys } from './check-keys.ts'

type Known = Readonly<Record<string, 'must' | 'may'>>
type Fields = Readonly<Record<string, Readonly<Record<string, object>>>>
/** The keys of each level of a declaration. */
export interface DeclaredKeys {
  readonly spec: Known
  readonly feed: Known
  readonly field: Known
  readonly operation: Known
}
interface Declared {
  readonly class: string
  readonly feeds: Readonly<Record<string, { readonly blocks: Fields | unknown; readonly typical?: Fields }>>
}

/**
 * Checks a declaration down to those fields that are known.
 * @throws ConfigError that says where and which
 */
export function checkAgent(spec: Declared, keys: DeclaredKeys): void {
  const name: unknown = spec.class
  const where = typeof name === 'string' && name !== '' ? name : 'defineAgent'
  const levels = levelsOf(keys)
  checkKeys(spec, keys.spec, where, levels)
  for (const [name, feed] of Object.entries(spec.feeds)) {
    const at = `${where}: feed ${name}`
    checkKeys(feed, keys.feed, at, levels)
    const { blocks, typical = {} } = feed
    // Blocks that depend on the instrument are not known yet.
    for (const known of [typeof blocks === 'function' ? {} : (blocks as Fields), typical])
      for (const [block, fields] of Object.entries(known))
        for (const [name, field] of Object.entries(fields))
          checkKeys(field, keys.field, `${at}, block ${block}, field ${name}`, levels)
  }
}

/**
 * Checks a task or process in the same way.
 * @throws ConfigError
 */
export function checkOperation(options: object, where: string, keys: DeclaredKeys): void {
  checkKeys(options, keys.operation, where, levelsOf(keys))
}

function levelsOf({ spec, feed, field, operation }: DeclaredKeys) {
  return [
    ['a field', field],
    ['a feed', feed],
    ['an operation', operation],
    ['the declaration', spec],
  ] as const
}
