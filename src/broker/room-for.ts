import { placeOf } from '../principals/place.ts'
import { NOBODY, type Principal } from '../principals/principal.ts'
import type { Guest } from './client-id-lease.ts'
import { limits } from './limits.ts'

/**
 * Why there is no room for another client; undefined if there is. Clients without credentials never take the
 * places left for known ones, and no known principal takes those of others; the account of the hub may fill
 * the hub.
 * @param all the connected clients
 */
export function noRoom(
  all: readonly Guest[],
  { id, from }: Pick<Guest, 'id' | 'from'>,
  { name, role }: Principal,
): string | undefined {
  if (all.some((guest) => guest.id === id)) return undefined // it replaces that client, or is refused
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
