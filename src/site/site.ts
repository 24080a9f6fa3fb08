import type { AlarmSettings } from '../core/alarm-rules.ts'
import { ConfigError } from '../core/errors.ts'
import { didYouMean } from '../core/names.ts'
import { readAlarms } from './alarms.ts'
import { defaults } from './defaults.ts'
import { readDeviceTopics } from './device-topics.ts'
import { type Instance, InstanceReader } from './instances.ts'
import * as keys from './keys.ts'
import { parseYaml } from './parse.ts'
import { SectionReader } from './section-reader.ts'
import { type HubServers, readServers } from './servers.ts'
import type { Entry, Node } from './tree.ts'

/** `hub:`, with its defaults filled in. */
export interface SiteHub extends HubServers {
  readonly wamp_realm: string
  readonly address_root: string
  /** Topic prefixes that third-party devices publish to, by the principal that may use them. */
  readonly device_topics?: ReadonlyMap<string, readonly string[]>
}
/** One of `hosts:`. */
export interface Host {
  readonly name: string
  readonly hub: HubServers
  readonly log_dir: string | undefined
  readonly instances: readonly Instance[]
  /** What is wrong with its own keys. None of its instances can run then; those of other hosts can. */
  readonly faults: readonly string[]
}
/** A site file, checked. */
export interface Site {
  readonly file: string
  readonly hub: SiteHub
  readonly hosts: ReadonlyMap<string, Host>
  /** Other labs to show, by name: how to reach their hubs. */
  readonly sites?: ReadonlyMap<string, HubServers & { readonly address_root: string }>
  /** What to watch and whom to notify; undefined if the file has no `alarms`. */
  readonly alarms: AlarmSettings | undefined
  /** What is wrong with `alarms`, for the agent that reads them. */
  readonly alarmFaults: readonly string[]
  /** A sentence for each key that OCS has and that has no effect here. */
  readonly notes: readonly string[]
}

/** A site file as far as it can be read, and what is wrong with it, a line `FILE:LINE:COLUMN: text` each. */
interface Inspected {
  readonly site: Site
  /** All problems, in the order of the file. */
  readonly problems: readonly string[]
  /** Those that concern the file as a whole; the others are also in `faults` of its parts. */
  readonly shared: readonly string[]
}

/**
 * Reads the text of a site file (OCS manual, "OCS Site Configuration"). Problems of one host, one instance or
 * the alarms are kept in their `faults`.
 * @param file its name in messages
 * @throws ConfigError with a line `FILE:LINE:COLUMN: text` for each problem of the file as a whole
 */
export function parseSite(text: string, file: string): Site {
  const { site, shared } = inspectSite(text, file)
  if (shared.length > 0) throw new ConfigError(shared.join('\n'))
  return site
}

/**
 * Reads as much of a site file as possible, so that the rest can be checked too.
 * @throws ConfigError when it is not YAML
 */
export function inspectSite(text: string, file: string): Inspected {
  const { root, problems } = parseYaml(text, file)
  return new SiteReader(new SectionReader(file, problems)).read(root)
}

class SiteReader {
  readonly #reader: SectionReader
  readonly #instances: InstanceReader

  constructor(reader: SectionReader) {
    this.#reader = reader
    this.#instances = new InstanceReader(reader)
  }

  read(root: Node): Inspected {
    const { file, problems, notes } = this.#reader
    const top = this.#reader.section(root, root.at, keys.top)
    const hub = this.#hub(top.get('hub'))
    const hosts = this.#hosts(top.get('hosts'))
    const sites = this.#sites(top.get('sites'))
    const ids = problems.count > 0 ? undefined : this.#instances.ids
    const given = top.get('alarms')
    const { value: alarms, faults: alarmFaults } = problems.apart(
      { at: given?.at ?? root.end, end: given?.value.end ?? root.end },
      () => readAlarms(given, ids, { problems, notes }),
    )
    const site = { file, hub, hosts, ...(sites && { sites }), alarms, alarmFaults, notes: [...notes] }
    return { site, problems: problems.lines(), shared: problems.shared() }
  }

  #hub(entry: Entry | undefined): SiteHub {
    const { problems } = this.#reader
    const entries = entry ? this.#reader.section(entry.value, entry.at, keys.hub) : new Map()
    const servers = readServers(this.#reader, entries)
    const addressRoot = this.#reader.name(entries, 'address_root') ?? defaults.address_root
    const deviceTopics = readDeviceTopics(entries.get('device_topics'), addressRoot, this.#reader)
    // A misspelt key has been reported already, so it counts as present. The right spelling is near, too.
    const isServer = (key: string) => didYouMean(key, ['mqtt_server', 'wamp_server']).length > 0
    if (entry?.value.kind === 'mapping' && ![...entries.keys()].some(isServer))
      problems.add(entry.at, 'no "mqtt_server" in hub: for example mqtt_server: mqtt://127.0.0.1:1883')
    return {
      ...servers,
      wamp_realm: servers.wamp_realm ?? defaults.wamp_realm,
      address_root: addressRoot,
      ...(deviceTopics && { device_topics: deviceTopics }),
    }
  }

  #sites(entry: Entry | undefined): Site['sites'] {
    if (!entry) return undefined
    if (entry.value.kind !== 'mapping') {
      const example = 'barn: {mqtt_server: "mqtts://barn.example:8883"}'
      this.#reader.problems.add(
        entry.at,
        `sites takes a name for each (${example}), not ${keys.kindOf(entry.value)}`,
      )
      return undefined
    }
    return new Map(
      entry.value.entries.map((site) => {
        this.#reader.checkName(site, 'site')
        const entries = this.#reader.section(site.value, site.at, keys.otherSite)
        const address_root = this.#reader.name(entries, 'address_root') ?? defaults.address_root
        return [site.key, { ...readServers(this.#reader, entries), address_root }]
      }),
    )
  }

  #hosts(entry: Entry | undefined): Map<string, Host> {
    if (!entry) return new Map()
    if (entry.value.kind !== 'mapping') {
      const kind = keys.kindOf(entry.value)
      this.#reader.problems.add(entry.at, `hosts takes a name for each host, not ${kind}`)
      return new Map()
    }
    return new Map(entry.value.entries.map((host) => [host.key, this.#host(host)]))
  }

  #host({ key: name, at, value: node }: Entry): Host {
    const { problems } = this.#reader
    const { value, faults } = problems.apart({ at, end: at }, () => {
      const host = this.#reader.section(node, at, { ...keys.host, name: `host "${name}"` })
      const crossbar = host.get('crossbar')
      if (crossbar?.value.kind === 'mapping') this.#reader.section(crossbar.value, crossbar.at, keys.crossbar)
      const own = {
        name,
        hub: readServers(this.#reader, host),
        log_dir: this.#reader.text(host, 'log-dir'),
      }
      return { own, nodes: this.#reader.list(host.get('agent-instances'), 'agent-instances') }
    })
    const instances = value.nodes.map((node) => this.#instances.read(name, node))
    const ofInstances = new Set(instances.flatMap((instance) => instance.faults))
    // The parser has reported some before, such as a duplicate key.
    const { faults: within } = problems.apart({ at, end: node.end }, () => {})
    const own = new Set([...faults, ...within.filter((fault) => !ofInstances.has(fault))])
    return { ...value.own, instances, faults: [...own] }
  }
}
