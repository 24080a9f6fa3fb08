import { hostname } from 'node:os'
import { type Asking, type Credentials, findCredentials } from '../principals/credentials.ts'
import { defaults } from '../site/defaults.ts'
import type { SiteCopy } from '../site/find.ts'
import { firstOf, hubUrl, keysFor } from '../site/hub-url.ts'
import type { Host, Site } from '../site/site.ts'
import type { Context } from '../terminal/context.ts'
import type { Log, LogFormat } from '../terminal/log.ts'
import { isRecorder } from './agents.ts'

/** The site flags that every command takes, under commander's names. */
export interface SiteOptions {
  readonly site?: string
  readonly siteFile?: string
  readonly siteHost?: string
  readonly siteHub?: string
  readonly siteRealm?: string
  readonly addressRoot?: string
  readonly logFormat?: LogFormat
}

/** A command's site. Without a site file the hub is the one on this machine. */
export interface ChosenSite {
  readonly site: Site | undefined
  readonly host: Host | undefined
  /** The hub's address, several separated by commas. */
  readonly url: string
  readonly root: string
  readonly realm: string
  /**
   * The credentials of a client (of an instance, if one is named) for the hub, at one of its addresses if it
   * has several.
   * @throws ConfigError for a file that cannot be used
   */
  credentials(whose?: Partial<Pick<Asking, 'instance' | 'stateDir' | 'url'>>): Credentials | undefined
  /** Instance-ids of the recorders; undefined without a site file. */
  readonly recorders: readonly string[] | undefined
  /** Ports the hub listens on by default: those in the site file's addresses. */
  readonly ports: Readonly<Record<Scheme, number>>
}

type Scheme = 'mqtt' | 'ws' | 'mqtts' | 'wss'
/** The ports where a hub listens by default. */
export const PORTS = { mqtt: 1883, ws: 8001, mqtts: 8883, wss: 8080 } as const

/**
 * Reads the site file if one is named; otherwise none is needed.
 * @throws ConfigError, UsageError when the named file cannot be used
 */
export async function chooseSite(options: SiteOptions, context: Context, log: Log): Promise<ChosenSite> {
  const { site, host, recorders } = namesSite(options, context.env)
    ? await namedSite(options, context)
    : noSite
  for (const note of site?.notes ?? []) log(note)
  const url = hubUrl(site, host, options.siteHub)
  const realm = options.siteRealm ?? host?.hub.wamp_realm ?? site?.hub.wamp_realm ?? defaults.wamp_realm
  return {
    site,
    host,
    url,
    root: options.addressRoot ?? site?.hub.address_root ?? defaults.address_root,
    realm,
    credentials: credentialsOf({ url, realm, site, host }, context.env),
    recorders,
    ports: portsOf([
      host?.hub.mqtt_server ?? site?.hub.mqtt_server,
      host?.hub.wamp_server ?? site?.hub.wamp_server,
    ]),
  }
}

/** Whether flags or the environment name a site file. */
export function namesSite({ site, siteFile }: SiteOptions, env: Context['env']): boolean {
  return siteFile !== undefined || site !== undefined || Boolean(env['OCS_CONFIG_DIR'])
}

/** The credentials that clients of a site show its hub. */
export function credentialsOf(
  { url, realm, site, host }: Pick<ChosenSite, 'url' | 'realm'> & Partial<Pick<ChosenSite, 'site' | 'host'>>,
  env: Context['env'],
): ChosenSite['credentials'] {
  return (whose) => {
    const at = whose?.url ?? firstOf(url)
    const { credentials: file, broker } = keysFor(at, site, host)
    return findCredentials({ realm, file, broker, env, ...whose, url: at })
  }
}

/**
 * The copy of the site file with which the supervisor started this role: later changes of the file do not
 * count.
 */
function siteCopy({ OCS_SITE_FILE: file, OCS_SITE_COPY: copy }: Context['env']): SiteCopy | undefined {
  return file && copy ? { file, copy } : undefined
}

const noSite = { site: undefined, host: undefined, recorders: undefined }

/**
 * The named site file, and this machine's host in it. A command that does not need a host (hub, ctrl) works
 * on any machine. The code that reads site files is loaded only when a file is named: it is most of what a
 * command would otherwise load.
 */
async function namedSite(
  { site: name, siteFile, siteHost }: SiteOptions,
  { env }: Context,
): Promise<Pick<ChosenSite, 'site' | 'host' | 'recorders'>> {
  const { findHost, openSite, recorders, usable } = await import('../site/find.ts')
  const site = await openSite({ site: name, siteFile, configDir: env['OCS_CONFIG_DIR'] }, siteCopy(env))
  const here = () => {
    const host = site.hosts.get(hostname()) ?? site.hosts.get('localhost')
    return host && usable(host)
  }
  const chosen = () => (siteHost === undefined ? here() : findHost(site, siteHost))
  return { site, host: site.hosts.size > 0 ? chosen() : undefined, recorders: recorders(site, isRecorder) }
}

/** The port of each scheme: from the addresses of a site, or the default. */
function portsOf(urls: readonly (string | undefined)[]): Record<Scheme, number> {
  const named = urls.flatMap((url = '') => {
    const { protocol = '', port } = URL.parse(firstOf(url)) ?? {}
    return port ? [[protocol.slice(0, -1), Number(port)]] : []
  })
  return { ...PORTS, ...Object.fromEntries(named) }
}
