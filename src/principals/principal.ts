import type { Level } from '../core/access.ts'

/**
 * Who a client is to a hub. `owner` is the account that runs it, and on an open hub everybody; `newcomer` is somebody who
 * fetches a token; `bridge` looks, and may say where those come from who sign in with it; a `device` has the topics that the site file grants it.
 */
export interface Principal {
  readonly name: string
  readonly role:
    | 'owner'
    | 'admin'
    | 'operator'
    | 'recorder'
    | 'agent'
    | 'bridge'
    | 'observer'
    | 'device'
    | 'newcomer'
  /** What its requests may do: 0 nothing, 1 basic, 2 advanced, 3 full. */
  readonly level: Level
}

/** Everybody, on a hub that is open. */
export const ANYONE: Principal = { name: 'anyone', role: 'owner', level: 3 }
/** Whom members of the operators' group are to the hub. */
export const OPERATORS = 'operators'
/** Who shows nothing, on loopback. */
export const NOBODY: Principal = { name: 'nobody', role: 'observer', level: 0 }

/** `an observer without credentials`, `maya, an operator of level 2`. */
export function described({ name, role, level }: Principal): string {
  if (name === NOBODY.name) return 'an observer without credentials'
  if (role === 'owner') return `${name}, who runs the hub`
  const what = role === 'operator' ? `operator of level ${level}` : role
  return `${name}, ${/^[aeiou]/.test(what) ? 'an' : 'a'} ${what}`
}
