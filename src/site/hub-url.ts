import { ConfigError, UsageError } from '../core/errors.ts'
import { addressesIn } from '../core/host-port.ts'
import { redact } from '../core/redact.ts'
import { serversFault } from './server-fault.ts'
import type { ServerKeys } from './servers.ts'
import type { Host, Site } from './site.ts'

/** The hub of this machine, the default address. */
export const LOCAL = 'mqtt://127.0.0.1:1883'

/**
 * The address that clients of the hub connect to: `--site-hub`, or else the host's own server, or else the
 * site's; each with `mqtt_server` before `wamp_server`; without a site file this machine's. Several are
 * separated by commas.
 * @throws UsageError for a `--site-hub` that is not an address of a hub
 * @throws ConfigError when the site file names none
 */
export function hubUrl(site: Site | undefined, host?: Host, override?: string): string {
  const fault = override === undefined ? undefined : serversFault(override)
  if (fault) throw new UsageError(`--site-hub ${JSON.stringify(redact(override ?? ''))}: ${fault}`)
  const servers = [host?.hub, site?.hub].map((hub) => hub?.mqtt_server ?? hub?.wamp_server)
  const url = override ?? servers.find((server) => server !== undefined)
  if (url !== undefined) return url
  if (site) throw new ConfigError(`${site.file}: no hub: pass --site-hub=${LOCAL}`)
  return LOCAL
}

/**
 * The credentials that a site file names for the hub at an address: the host's before the site's, and in each
 * those of the address itself first.
 */
export function keysFor(url: string, site: Site | undefined, host: Host | undefined): ServerKeys {
  const said = [host?.hub, site?.hub].flatMap((hub) => [hub?.servers?.get(url), hub])
  const credentials = said.find((one) => one?.credentials !== undefined)?.credentials
  const broker = said.find((one) => one?.broker !== undefined)?.broker
  return { ...(credentials !== undefined && { credentials }), ...(broker !== undefined && { broker }) }
}

/** The command that makes a hub listen for other machines at an address, the first of several. */
export function listeningAt(url: string): string {
  const { protocol, port } = new URL(firstOf(url))
  if (protocol === 'mqtts:') return `ocs hub --listen 0.0.0.0:${port || 8883}`
  return protocol === 'wss:' ? `ocs hub --listen-ws 0.0.0.0:${port || 443}` : 'ocs hub'
}

/** The first of the addresses of a hub. */
export function firstOf(url: string): string {
  return addressesIn(url)[0] ?? url
}
