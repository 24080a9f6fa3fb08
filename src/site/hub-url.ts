import { ConfigError, UsageError } from '../core/errors.ts'
import { addressesIn } from '../core/host-port.ts'
import { redact } from '../core/redact.ts'
import { serversFault } from './server-fault.ts'
import type { ServerKeys } from './servers.ts'
import type { Host, Site } from './site.ts'

/** The hub of this machine, where nothing names another. */
export const LOCAL = 'mqtt://127.0.0.1:1883'

/**
 * The address that clients of the hub connect to: `--site-hub`, else the host's own server, else the site's;
 * of each `mqtt_server` before `wamp_server`; without a site file this machine's. Several have commas between.
 * @throws UsageError for a `--site-hub` that is no address of a hub
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

/** What a site file says is shown to the hub at an address: a host's own first, and of either what it says of that address alone. */
export function keysFor(url: string, site: Site | undefined, host: Host | undefined): ServerKeys {
  const said = [host?.hub, site?.hub].flatMap((hub) => [hub?.servers?.get(url), hub])
  const credentials = said.find((one) => one?.credentials !== undefined)?.credentials
  const broker = said.find((one) => one?.broker !== undefined)?.broker
  return { ...(credentials !== undefined && { credentials }), ...(broker !== undefined && { broker }) }
}

/** The command by which a hub listens where an address, the first of several, leads other machines to. */
export function listeningAt(url: string): string {
  const { protocol, port } = new URL(firstOf(url))
  if (protocol === 'mqtts:') return `ocs hub --listen 0.0.0.0:${port || 8883}`
  return protocol === 'wss:' ? `ocs hub --listen-ws 0.0.0.0:${port || 443}` : 'ocs hub'
}

/** The first of the addresses of a hub. */
export function firstOf(url: string): string {
  return addressesIn(url)[0] ?? url
}
