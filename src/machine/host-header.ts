import { isIP } from 'node:net'
import { hostname } from 'node:os'
import { bareHost, isLoopback } from '../core/host-port.ts'

/**
 * Whether a request with this `Host` is accepted. A web page of another site can reach a loopback port under
 * its own name by pointing that name here (DNS rebinding), so only our own names are accepted.
 * @param listen the host listened on
 * @param open whether other machines are admitted; then any IP address and this machine's name are accepted,
 *   as a stranger can point neither here
 * @param names further names by which a proxy or a container reaches this machine
 */
export function mayAsk(
  header: string | undefined,
  { listen, open, names }: { listen: string; open: boolean; names: readonly string[] },
): boolean {
  const host = /^(\[[0-9a-f:.]+\]|[^:[\]]+)(?::\d{1,5})?$/i.exec(header ?? '')?.[1]
  if (host === undefined) return false
  const name = bareHost(host)
  if (isLoopback(name) || [listen, ...names].some((known) => bareHost(known) === name)) return true
  return open && (isIP(name) !== 0 || name === hostname().toLowerCase())
}
