import { ConfigError, UsageError } from '../core/errors.ts'
import type { Host, Site } from './site.ts'

const WEBSOCKET = ['ws:', 'wss:']
const ANY = ['mqtt:', 'mqtts:', ...WEBSOCKET]

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

/** Why a text is no address of a hub; undefined when it is one. */
export function serverFault(text: string, isWebSocketOnly = false): string | undefined {
  const url = URL.parse(text)
  const schemes = isWebSocketOnly ? WEBSOCKET : ANY
  const example = isWebSocketOnly ? 'ws://localhost:8001/ws' : 'mqtt://127.0.0.1:1883'
  if (!url || url.hostname === '' || !text.includes('//')) return `no address: write it as ${example}`
  if (schemes.includes(url.protocol)) return undefined
  if (isWebSocketOnly && ANY.includes(url.protocol)) return 'name this key mqtt_server'
  return `begins with none of ${schemes.map((scheme) => `${scheme}//`).join(', ')}: write it as ${example}`
}
