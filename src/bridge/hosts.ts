import { isIP } from 'node:net'
import { hostname } from 'node:os'

/** Whether a host name or address is this machine's loopback; other names are not looked up. */
export function isLoopback(host: string): boolean {
  const name = bare(host)
  return (
    name === 'localhost' || name.endsWith('.localhost') || name === '::1' || /^127(\.\d{1,3}){3}$/.test(name)
  )
}

/**
 * Whether a request may come under this `Host`. A web page of another site can reach a loopback port by a name of its own
 * that it lets point here (DNS rebinding), so only names that are ours are answered.
 * @param listen the host listened on
 * @param open whether other machines are let in; then any address and this machine's name will do, as neither is a name
 *   that a stranger can point here
 * @param names further names by which a proxy or a container reaches this machine
 */
export function mayAsk(
  header: string | undefined,
  { listen, open, names }: { listen: string; open: boolean; names: readonly string[] },
): boolean {
  const host = /^(\[[0-9a-f:.]+\]|[^:[\]]+)(?::\d{1,5})?$/i.exec(header ?? '')?.[1]
  if (host === undefined) return false
  const name = bare(host)
  if (isLoopback(name) || [listen, ...names].some((known) => bare(known) === name)) return true
  return open && (isIP(name) !== 0 || name === hostname().toLowerCase())
}

/** Host and port as they stand in a URL. */
export function hostPort(host: string, port: number): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]:${port}` : `${host}:${port}`
}

function bare(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '')
}
