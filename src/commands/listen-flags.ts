import { InvalidArgumentError } from 'commander'
import { UsageError } from '../core/errors.ts'
import { hostPort, isLoopback, splitHostPort } from '../core/host-port.ts'

/** Where to listen. */
export interface Listen {
  readonly host: string
  readonly port: number
}
/** The same, where a port need not be given. */
export type Place = Pick<Listen, 'host'> & Partial<Listen>

/** `ADDR:PORT`, `[::1]:1883`, or a port alone on loopback. */
export function address(text: string): Listen {
  const found = splitHostPort(text)
  if (!found) throw new InvalidArgumentError('It has to be ADDR:PORT, such as 127.0.0.1:1883.')
  return { host: found.host ?? '127.0.0.1', port: found.port }
}

/** The same as text, as `ocs up` hands it to the bridge. */
export function bridgeAt(text: string): string {
  const { host, port } = address(text)
  return hostPort(host, port)
}

/** One more of some addresses, each with a port or without. */
export function places(text: string, before: readonly Place[] = []): Place[] {
  const alone = /^(?:\[([0-9a-fA-F:.]+)\]|([^:]*[^:\d][^:]*))$/.exec(text)
  const host = alone?.[1] ?? alone?.[2]
  return [...before, host === undefined ? address(text) : { host }]
}

/**
 * Where the hub listens: over TLS beyond this machine, and without it on loopback, where its own roles find it.
 * @throws UsageError where both would be on one port
 */
export function listening(
  given: readonly Place[] = [],
  ports: { readonly plain: number; readonly tls: number },
  insecure: boolean,
): (Listen & { readonly tls: boolean })[] {
  const all = given.map(({ host, port }) => {
    const tls = !insecure && !isLoopback(host)
    return { host, port: port ?? (tls ? ports.tls : ports.plain), tls }
  })
  if (all.some(({ tls }) => !tls)) return all
  if (all.some(({ port }) => port === ports.plain))
    throw new UsageError(
      `port ${ports.plain} is where this machine's own roles reach the hub without TLS: ${
        ports.tls === ports.plain
          ? `give another for what is over TLS, ADDR:PORT, or name another in the site file's address of the hub`
          : `leave the port out, for ${ports.tls}`
      }`,
    )
  return [{ host: '127.0.0.1', port: ports.plain, tls: false }, ...all]
}
