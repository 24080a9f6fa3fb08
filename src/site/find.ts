import { open, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { ConfigError, messageOf, UsageError } from '../core/errors.ts'
import { didYouMean } from '../core/names.ts'
import { defaults } from './defaults.ts'
import type { Instance } from './instances.ts'
import { MAX_BYTES } from './parse.ts'
import { type Host, parseSite, type Site } from './site.ts'

/** Flags and environment that choose the site file. */
export interface SiteChoice {
  /** `--site`; `none` is OCS's word for no site file at all. */
  readonly site?: string | undefined
  /** `--site-file` */
  readonly siteFile?: string | undefined
  /** `$OCS_CONFIG_DIR` */
  readonly configDir?: string | undefined
}

/** A site file, and the path of an earlier copy of its text. */
export interface SiteCopy {
  readonly file: string
  readonly copy: string
}

/**
 * Finds and reads the site file: `--site-file`, or else `$OCS_CONFIG_DIR/SITE.yaml` with `default` for SITE.
 * `--site=none` gives a site with a localhost without instances and needs `--site-hub`.
 * @param kept a copy to read in place of the file; the file itself if the copy is gone
 * @throws UsageError, ConfigError
 */
export async function openSite(choice: SiteChoice, kept?: SiteCopy): Promise<Site> {
  if (choice.site === 'none' && choice.siteFile === undefined) return noSite()
  const file = siteFile(choice)
  const text = file === kept?.file ? await readText(kept.copy).catch(() => undefined) : undefined
  return text === undefined ? loadSite(file) : parseSite(text, file)
}

/**
 * The path of the site file.
 * @throws UsageError when both flags are given
 * @throws ConfigError when no flag or variable names it
 */
export function siteFile({ site, siteFile: file, configDir }: SiteChoice): string {
  if (site !== undefined && file !== undefined) {
    throw new UsageError('--site and --site-file both name the site file: pass one of them')
  }
  if (file !== undefined) return file
  if (configDir) return join(configDir, `${site ?? 'default'}.yaml`)
  throw new ConfigError(
    `no site file: pass --site-file=FILE, or set OCS_CONFIG_DIR to the folder of ${site ?? 'default'}.yaml`,
  )
}

/**
 * Reads a site file.
 * @throws ConfigError when it cannot be read, or with a line for each problem found in it
 */
export async function loadSite(file: string): Promise<Site> {
  return parseSite(await readText(file), file)
}

/** The text of a site file. @throws ConfigError when it cannot be read */
export async function readText(file: string): Promise<string> {
  const bytes = await readStart(file, MAX_BYTES + 1).catch((cause: unknown) => {
    throw new ConfigError(`cannot read the site file ${file}: ${messageOf(cause)}`, { cause })
  })
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new ConfigError(`${file}: is not UTF-8 text`, { cause })
  }
}

/** The first bytes of a file. Checks its kind first, because opening a pipe could block for ever. */
async function readStart(file: string, length: number): Promise<Buffer> {
  if (!(await stat(file)).isFile()) throw new Error('it is not a file')
  await using handle = await open(file, 'r')
  const buffer = Buffer.alloc(length)
  const { bytesRead } = await handle.read(buffer, 0, length, 0)
  return buffer.subarray(0, bytesRead)
}

/**
 * The host that this process runs as: the named one, which must exist; otherwise this machine's, or
 * `localhost`.
 * @param named `--site-host`
 * @param own the machine's host name
 * @throws ConfigError
 */
export function findHost(site: Site, named: string | undefined, own = hostname()): Host {
  const host =
    named === undefined ? (site.hosts.get(own) ?? site.hosts.get('localhost')) : site.hosts.get(named)
  if (host) return usable(host)
  const names = [...site.hosts.keys()]
  const [near = names[0]] = didYouMean(named ?? own, names)
  const missing = named === undefined ? `no host "${own}" or "localhost"` : `no host "${named}"`
  if (near === undefined) throw new ConfigError(`${missing} in ${site.file}: it has no host`)
  const rename = named !== undefined ? '' : names.length === 1 ? 'rename it or ' : 'rename one or '
  throw new ConfigError(
    `${missing} in ${site.file} (has: ${names.join(', ')}): ${rename}pass --site-host=${near}`,
  )
}

/**
 * A host or an instance without faults.
 * @throws ConfigError with its faults
 */
export function usable<T extends { readonly faults: readonly string[] }>(part: T): T {
  if (part.faults.length > 0) throw new ConfigError(part.faults.join('\n'))
  return part
}

/**
 * The instance that this process runs as: the one with that id, or the only one of these classes on the host.
 * @param classes the agent class with its other spellings
 * @throws ConfigError when there is none, or several, or with the faults of the instance
 */
export function findInstance(
  site: Site,
  host: Host,
  {
    instanceId,
    classes = [],
  }: { readonly instanceId?: string | undefined; readonly classes?: readonly string[] },
): Instance {
  if (instanceId === undefined) return usable(onlyOf(site, host, classes))
  const found = host.instances.find(({ instance_id }) => instance_id === instanceId)
  if (found && classes.length > 0 && !classes.includes(found.agent_class ?? ''))
    throw new ConfigError(
      `instance "${instanceId}" on host "${host.name}" in ${site.file} is a ${found.agent_class}, not a ${classes[0]}`,
    )
  if (found) return usable(found)
  const missing = `no instance "${instanceId}" on host "${host.name}" in ${site.file}`
  const others = [...site.hosts.values()].flatMap(({ instances }) => instances)
  const elsewhere = others.find(({ instance_id }) => instance_id === instanceId)
  if (elsewhere) {
    throw new ConfigError(
      `${missing}: host "${elsewhere.host}" has it: start it there or pass --site-host=${elsewhere.host}`,
    )
  }
  const [near] = didYouMean(
    instanceId,
    others.map(({ instance_id }) => instance_id),
  )
  const owner = others.find(({ instance_id }) => instance_id === near)?.host
  const where = owner === host.name ? '' : ` (on host "${owner}")`
  throw new ConfigError(
    `${missing}: ${near ? `did you mean "${near}"${where}?` : `it has ${listed(host.instances)}`}`,
  )
}

function onlyOf(site: Site, host: Host, classes: readonly string[]): Instance {
  const place = `on host "${host.name}" in ${site.file}`
  const fits = host.instances.filter(({ agent_class }) => agent_class && classes.includes(agent_class))
  const [first, ...more] = fits
  if (first && more.length === 0) return first
  if (first) {
    throw new ConfigError(
      `${fits.length} instances of ${classes[0]} ${place}: pass --instance-id, one of ${listed(fits)}`,
    )
  }
  if (classes.length > 0)
    throw new ConfigError(`no instance of ${classes[0]} ${place}: it has ${listed(host.instances)}`)
  throw new UsageError(`which instance ${place}? Pass --instance-id, one of ${listed(host.instances)}`)
}

/** Instance-ids of the recorders of a site, in file order. */
export function recorders(site: Site, isRecorder: (agentClass: string) => boolean): string[] {
  return [...site.hosts.values()]
    .flatMap(({ instances }) => instances)
    .filter(({ agent_class }) => agent_class !== undefined && isRecorder(agent_class))
    .map(({ instance_id }) => instance_id)
}

function listed(instances: readonly Instance[]): string {
  return instances.map(({ instance_id }) => instance_id).join(', ') || 'none'
}

function noSite(): Site {
  const localhost: Host = { name: 'localhost', hub: {}, log_dir: undefined, instances: [], faults: [] }
  return {
    file: '--site=none',
    hub: defaults,
    hosts: new Map([['localhost', localhost]]),
    alarms: undefined,
    alarmFaults: [],
    notes: [],
  }
}
