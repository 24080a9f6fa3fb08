import { ConfigError, UsageError } from '../core/errors.ts'
import { serverFault } from './server-fault.ts'
import type { Host, Site } from './site.ts'

/**
 * The address that clients of the hub connect to: `--site-hub`, else the host's own server, else the site's;
 * of each `mqtt_server` before `wamp_server`.
 * @throws UsageError for a `--site-hub` that is no address of a hub
 * @throws ConfigError when there is none
 */
export function hubUrl(site: Site, host?: Host, override?: string): string {
  const fault = override === undefined ? undefined : serverFault(override)
  if (fault) throw new UsageError(`--site-hub ${JSON.stringify(override)}: ${fault}`)
  const servers = [host?.hub, site.hub].map((hub) => hub?.mqtt_server ?? hub?.wamp_server)
  const url = override ?? servers.find((server) => server !== undefined)
  if (url === undefined) throw new ConfigError(`${site.file}: no hub: pass --site-hub=mqtt://127.0.0.1:1883`)
  return url
}
