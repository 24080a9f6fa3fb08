import { hostname } from 'node:os'
import { UsageError } from '../core/errors.ts'
import { redact } from '../core/redact.ts'
import { defaults } from './defaults.ts'
import { openSite } from './find.ts'
import { hubUrl, keysFor } from './hub-url.ts'
import { serversFault } from './server-fault.ts'
import type { ServerKeys } from './servers.ts'

/** What a program may specify about its hub. */
export interface HubChoice {
  /**
   * The hub's address, `mqtt://HOST:PORT` or `ws://HOST:PORT/PATH`, several separated by commas; by default
   * the site file's.
   */
  readonly hub?: string | undefined
  /** The first level of every topic; by default the site file's, or `observatory` without one. */
  readonly root?: string | undefined
  /** The site file; by default `default.yaml` in the folder that `OCS_CONFIG_DIR` names, if it names one. */
  readonly siteFile?: string | undefined
}

/** The hub's address, and how to choose credentials for it. */
interface HubAddress {
  readonly url: string
  readonly root: string
  readonly realm: string
  /** The credentials that the site file names for one of its addresses. */
  readonly keysFor: (url: string) => ServerKeys
}

/**
 * The address of a program's hub, its address root and realm.
 * @throws UsageError for a `hub` that is not an address; ConfigError for a site file that cannot be used
 */
export async function hubAddress(
  { hub, root, siteFile }: HubChoice,
  configDir: string | undefined,
): Promise<HubAddress> {
  const fault = hub === undefined ? undefined : serversFault(hub)
  if (fault) throw new UsageError(`hub ${JSON.stringify(redact(hub ?? ''))}: ${fault}`)
  const named = siteFile !== undefined || Boolean(configDir)
  const site = named ? await openSite({ siteFile, configDir }) : undefined
  const host = site?.hosts.get(hostname()) ?? site?.hosts.get('localhost')
  return {
    url: hubUrl(site, host, hub),
    root: root ?? site?.hub.address_root ?? defaults.address_root,
    realm: host?.hub.wamp_realm ?? site?.hub.wamp_realm ?? defaults.wamp_realm,
    keysFor: (at) => keysFor(at, site, host),
  }
}
