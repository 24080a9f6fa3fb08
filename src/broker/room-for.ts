import { placeOf } from '../principals/place.ts'
import { NOBODY, type Principal } from '../principals/principal.ts'
import type { Guest } from './client-id-lease.ts'
import { limits } from './limits.ts'

/**
 * Why there is no room for another client; undefined when there is. Those without credentials never take what is left for
 * those that the hub knows, nor does one of these take it from the others; the account of the hub may fill it.
 * @param all who is connected
 */
export function noRoom(
  all: readonly Guest[],
  { id, from }: Pick<Guest, 'id' | 'from'>,
  { name, role }: Principal,
): string | undefined {
  if (all.some((guest) => guest.id === id)) return undefined // it gets that one's place, or none
  if (all.length >= limits.connections) return `all ${limits.connections} connections are taken`
  if (role === 'owner') return undefined
  const place = placeOf(from)
  const isStranger = name === NOBODY.name
  const own = all.filter(
    (guest) => guest.principal === name && (!isStranger || placeOf(guest.from) === place),
  )
  if (own.length < limits.principal_connections) return undefined
  return isStranger
    ? `${own.length} clients without credentials are already connected from there`
    : `${name} has ${own.length} clients already`
}
