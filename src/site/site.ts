import { dirname, resolve } from 'node:path'
import type { AlarmSettings } from '../core/alarm-rules.ts'
import type { Argument, Located } from '../core/arguments/agent-arguments.ts'
import { ConfigError } from '../core/errors.ts'
import { didYouMean, HUB, NAME, Name, nearOr } from '../core/names.ts'
import { redact } from '../core/redact.ts'
import { readAlarms } from './alarms.ts'
import { defaults } from './defaults.ts'
import { readDeviceTopics } from './device-topics.ts'
import * as keys from './keys.ts'
import { type Manage, manageValues } from './manage.ts'
import { parseYaml } from './parse.ts'
import { type Position, type Problems, where } from './problems.ts'
import { serverFault } from './server-fault.ts'
import type { Entry, Node } from './tree.ts'

/** What is shown to a broker that is no `ocs hub`, and by whom its certificate has to be. */
export interface Broker {
  readonly user?: string | undefined
  /** Its first line is the password. */
  readonly passwordFile?: string | undefined
  /** The authority, PEM. */
  readonly ca?: string | undefined
}
/** What is shown to the hub, or at one of its addresses. */
export interface ServerKeys {
  /** The file of credentials for it. */
  readonly credentials?: string
  /** What a broker of others takes in their place. */
  readonly broker?: Broker
}
/** How to reach the hub; a host's own values override those of the whole site. */
export interface HubServers extends ServerKeys {
  /** `mqtt://HOST:PORT`, several with commas between; wins over `wamp_server`. */
  readonly mqtt_server?: string
  /** What is shown at addresses of `mqtt_server` that have keys of their own. */
  readonly servers?: ReadonlyMap<string, ServerKeys>
  /** In OCS the WAMP router's address; here the hub's MQTT over WebSocket, `ws://HOST:PORT/PATH`. */
  readonly wamp_server?: string
  /** `http://HOST:PORT/call`, for OCS's own clients. */
  readonly wamp_http?: string
  readonly wamp_realm?: string
}
export interface SiteHub extends HubServers {
  readonly wamp_realm: string
  readonly address_root: string
  /** Prefixes of topics on which devices of others publish, by the principal they are granted to. */
  readonly device_topics?: ReadonlyMap<string, readonly string[]>
}
/** One entry of a host's `agent-instances`. Whether its class exists is asked when it is started, not before. */
export interface Instance {
  readonly instance_id: string
  readonly agent_class: string | undefined
  /** What declares its class; undefined for one of ocs itself. */
  readonly module: Module | undefined
  /** The interpreter of Python that runs it. */
  readonly python: string | undefined
  /** The words that start it as a program of its own (docs/protocol.md). */
  readonly command: readonly string[] | undefined
  /** `python`: OCS's agent of this class, though there is one here. */
  readonly runtime: 'python' | undefined
  /** WebSocket of the crossbar on which it still is: this host speaks for it. */
  readonly crossbar: string | undefined
  /** `own`: a program whose runtime `ocs up` shares with no other's. */
  readonly process: 'own' | undefined
  readonly arguments: readonly Argument[]
  readonly manage: Manage
  /** Name of its host in the file. */
  readonly host: string
  /** `FILE:LINE:COLUMN` */
  readonly position: string
  /** What is wrong with this entry, a line `FILE:LINE:COLUMN: text` each; it cannot be run then, the others can. */
  readonly faults: readonly string[]
}
/** The module that declares an agent of one's own. */
export interface Module {
  /** A path, or the name of an npm package. */
  readonly name: string
  /** Where a path begins and packages are looked for: the folder of the site file. */
  readonly folder: string
  readonly position: string
}
export interface Host {
  readonly name: string
  readonly hub: HubServers
  readonly log_dir: string | undefined
  readonly instances: readonly Instance[]
  /** What is wrong with its own keys; none of its instances can be run then, those of other hosts can. */
  readonly faults: readonly string[]
}
/** A site file, checked. */
export interface Site {
  readonly file: string
  readonly hub: SiteHub
  readonly hosts: ReadonlyMap<string, Host>
  /** Other labs that are looked at, by name: how their hubs are reached. */
  readonly sites?: ReadonlyMap<string, HubServers & { readonly address_root: string }>
  /** What to watch, and whom to call; undefined when the file says nothing of it. */
  readonly alarms: AlarmSettings | undefined
  /** What is wrong with `alarms`; for whoever reads them. */
  readonly alarmFaults: readonly string[]
  /** A sentence for each key that OCS has and that does nothing here. */
  readonly notes: readonly string[]
}

type Entries = ReadonlyMap<string, Entry>

/** A site file as far as it can be read, and what is wrong with it, a line `FILE:LINE:COLUMN: text` each. */
interface Inspected {
  readonly site: Site
  /** All, in the order of the file. */
  readonly problems: readonly string[]
  /** Those that concern the file as a whole; the others are `faults` of its parts as well. */
  readonly shared: readonly string[]
}

/**
 * Reads the text of a site file (OCS manual, "OCS Site Configuration"). What is wrong with one host, one instance or the
 * alarms is kept with them.
 * @param file its name in messages
 * @throws ConfigError with a line `FILE:LINE:COLUMN: text` for each problem of the file as a whole
 */
export function parseSite(text: string, file: string): Site {
  const { site, shared } = inspectSite(text, file)
  if (shared.length > 0) throw new ConfigError(shared.join('\n'))
  return site
}

/**
 * Reads as much of a site file as can be read, so that the rest of it can be checked too.
 * @throws ConfigError when it is no YAML
 */
export function inspectSite(text: string, file: string): Inspected {
  const { root, problems } = parseYaml(text, file)
  return new SiteReader(file, problems).read(root)
}

/** Reads the sections of one file, gathering problems and notes. */
class SiteReader {
  readonly #file: string
  readonly #problems: Problems
  readonly #notes = new Set<string>()
  readonly #ids = new Map<string, Position>()

  constructor(file: string, problems: Problems) {
    this.#file = file
    this.#problems = problems
  }

  read(root: Node): Inspected {
    const top = this.#section(root, root.at, keys.top)
    const hubEntry = top.get('hub')
    const hubKeys = hubEntry ? this.#section(hubEntry.value, hubEntry.at, keys.hub) : new Map()
    const servers = this.#servers(hubKeys)
    const addressRoot = this.#name(hubKeys, 'address_root') ?? defaults.address_root
    const deviceTopics = readDeviceTopics(hubKeys.get('device_topics'), addressRoot, this.#problems)
    const hub = {
      ...servers,
      wamp_realm: servers.wamp_realm ?? defaults.wamp_realm,
      address_root: addressRoot,
      ...(deviceTopics && { device_topics: deviceTopics }),
    }
    // Of a misspelt one it has been told what is meant; the right spelling counts as near, too.
    const isServer = (key: string) => didYouMean(key, ['mqtt_server', 'wamp_server']).length > 0
    if (hubEntry?.value.kind === 'mapping' && ![...hubKeys.keys()].some(isServer)) {
      this.#problems.add(
        hubEntry.at,
        'no "mqtt_server" in hub: for example mqtt_server: mqtt://127.0.0.1:1883',
      )
    }
    const hosts = this.#hosts(top.get('hosts'))
    const sites = this.#sites(top.get('sites'))
    const ids = this.#problems.count > 0 ? undefined : [...this.#ids.keys()]
    const given = top.get('alarms')
    const { value: alarms, faults: alarmFaults } = this.#problems.apart(
      { at: given?.at ?? root.end, end: given?.value.end ?? root.end },
      () => readAlarms(given, ids, { problems: this.#problems, notes: this.#notes }),
    )
    const notes = [...this.#notes]
    const site = { file: this.#file, hub, hosts, ...(sites && { sites }), alarms, alarmFaults, notes }
    return { site, problems: this.#problems.lines(), shared: this.#problems.shared() }
  }

  #sites(entry: Entry | undefined): Site['sites'] {
    if (!entry) return undefined
    if (entry.value.kind !== 'mapping') {
      const example = 'barn: {mqtt_server: "mqtts://barn.example:8883"}'
      this.#problems.add(
        entry.at,
        `sites takes a name for each (${example}), not ${keys.kindOf(entry.value)}`,
      )
      return undefined
    }
    return new Map(
      entry.value.entries.map(({ key, at, value }) => {
        if (!NAME.test(key))
          this.#problems.add(at, `${JSON.stringify(key)} is no name of a site: letters, digits, _ and -`)
        const entries = this.#section(value, at, keys.otherSite)
        const address_root = this.#name(entries, 'address_root') ?? defaults.address_root
        return [key, { ...this.#servers(entries), address_root }]
      }),
    )
  }

  #hosts(entry: Entry | undefined): Map<string, Host> {
    if (!entry) return new Map()
    if (entry.value.kind !== 'mapping') {
      this.#problems.add(entry.at, `hosts takes a name for each host, not ${keys.kindOf(entry.value)}`)
      return new Map()
    }
    return new Map(entry.value.entries.map((host) => [host.key, this.#host(host)]))
  }

  #host({ key: name, at, value: node }: Entry): Host {
    const { value, faults } = this.#problems.apart({ at, end: at }, () => {
      const host = this.#section(node, at, { ...keys.host, name: `host "${name}"` })
      const crossbar = host.get('crossbar')
      if (crossbar?.value.kind === 'mapping') this.#section(crossbar.value, crossbar.at, keys.crossbar)
      const own = { name, hub: this.#servers(host), log_dir: this.#text(host, 'log-dir') }
      return { own, nodes: this.#list(host.get('agent-instances'), 'agent-instances') }
    })
    const instances = value.nodes.map((one) => this.#instance(name, one))
    const told = new Set(instances.flatMap((one) => one.faults))
    // What the parser found in between, such as a key that is there twice.
    const { faults: within } = this.#problems.apart({ at, end: node.end }, () => {})
    const all = new Set([...faults, ...within.filter((fault) => !told.has(fault))])
    return { ...value.own, instances, faults: [...all] }
  }

  #instance(host: string, node: Node): Instance {
    const { value, faults } = this.#problems.apart(node, () => {
      const entries = this.#section(node, node.at, keys.instance)
      return {
        instance_id: this.#instanceId(entries),
        agent_class: this.#text(entries, 'agent-class'),
        module: this.#module(entries),
        python: this.#text(entries, 'python'),
        command: this.#command(entries),
        runtime: this.#choice(entries, 'runtime', 'python'),
        crossbar: this.#crossbar(entries),
        process: this.#choice(entries, 'process', 'own'),
        arguments: this.#arguments(entries.get('arguments')),
        manage: this.#manage(entries),
        host,
        position: where(this.#file, node.at),
      }
    })
    return { ...value, faults }
  }

  #module(entries: Entries): Module | undefined {
    const name = this.#text(entries, 'module')
    const at = entries.get('module')?.value.at
    if (name === undefined || !at) return undefined
    return { name, folder: dirname(resolve(this.#file)), position: where(this.#file, at) }
  }

  #command(entries: Entries): readonly string[] | undefined {
    const entry = entries.get('command')
    if (!entry) return undefined
    const words = this.#list(entry, 'command').map((node) => (node.kind === 'text' ? node.text : null))
    if (words.length > 0 && words.every((word) => word !== null)) return words
    this.#problems.add(entry.at, 'command takes a list of words: [docker, run, -i, my-agent]')
    return undefined
  }

  /** A key with one value. */
  #choice<T extends string>(entries: Entries, key: string, value: T): T | undefined {
    const text = this.#text(entries, key)
    const at = entries.get(key)?.value.at
    if (text === value) return value
    if (text !== undefined && at)
      this.#problems.add(at, `${key} ${JSON.stringify(text)}: it takes ${value}, or is left out`)
    return undefined
  }

  #crossbar(entries: Entries): string | undefined {
    const text = this.#text(entries, 'crossbar')
    const at = entries.get('crossbar')?.value.at
    if (text === undefined || (/^wss?:$/.test(URL.parse(text)?.protocol ?? '') && text !== '')) return text
    if (at) this.#problems.add(at, `crossbar ${JSON.stringify(text)}: it takes an address, ws://HOST:8001/ws`)
    return undefined
  }

  #instanceId(entries: Entries): string {
    const id = this.#name(entries, 'instance-id') ?? ''
    const at = entries.get('instance-id')?.value.at
    if (id === '' || !at) return id
    const first = this.#ids.get(id)
    if (id === HUB) this.#problems.add(at, `instance-id "${HUB}" is kept for the hub itself: choose another`)
    else if (first) this.#problems.add(at, `instance-id "${id}" is taken: line ${first.line} has it already`)
    else this.#ids.set(id, at)
    return id
  }

  /** What cannot be an argument is told once a class is known that takes the arguments. */
  #arguments(entry: Entry | undefined): readonly Argument[] {
    const value = entry?.value
    if (!entry || !value || (value.kind === 'text' && value.text === null)) return []
    if (value.kind === 'list') return value.items.map((item) => this.#argument(item))
    const fault = `arguments takes a list, not ${keys.kindOf(value)}`
    return [{ text: '', position: where(this.#file, entry.at), fault }]
  }

  #argument(node: Node): Argument {
    if (node.kind === 'list') return node.items.map((item) => this.#argument(item))
    const position = where(this.#file, node.at)
    if (node.kind === 'text' && node.text !== null) return { text: node.text, position } satisfies Located
    return { text: '', position, fault: `an argument is a word or a list of words, not ${keys.kindOf(node)}` }
  }

  #manage(entries: Entries): Manage {
    const entry = entries.get('manage')
    const text = this.#text(entries, 'manage')
    if (!entry || text === undefined) return 'host/up'
    const manage = manageValues.get(text.toLowerCase())
    if (!manage) {
      const hint = nearOr(text, [...manageValues.keys()], 'it takes')
      this.#problems.add(entry.value.at, `manage ${JSON.stringify(text)}: ${hint}`)
    } else if (manage.startsWith('docker/')) {
      this.#notes.add(
        `manage: ${text} has no effect here: containers are for docker itself to start and stop`,
      )
    }
    return manage ?? 'ignore'
  }

  #servers(entries: Entries): HubServers {
    const mqtt = this.#mqttServers(entries)
    const wamp = this.#server(entries, 'wamp_server')
    const http = this.#text(entries, 'wamp_http')
    const realm = this.#text(entries, 'wamp_realm')
    return {
      ...mqtt,
      ...(wamp !== undefined && { wamp_server: wamp }),
      ...(http !== undefined && { wamp_http: http }),
      ...(realm !== undefined && { wamp_realm: realm }),
      ...this.#serverKeys(entries),
    }
  }

  /** An address, or a list of them, each alone or as `address` beside what is shown to it. */
  #mqttServers(entries: Entries): Pick<HubServers, 'mqtt_server' | 'servers'> {
    const entry = entries.get('mqtt_server')
    if (entry?.value.kind !== 'list') {
      const one = this.#server(entries, 'mqtt_server')
      return one === undefined ? {} : { mqtt_server: one }
    }
    const servers = new Map<string, ServerKeys>()
    for (const value of entry.value.items) {
      const isPlain = value.kind === 'text'
      const own: Entries = isPlain
        ? new Map([['address', { key: 'address', at: value.at, value }]])
        : this.#section(value, value.at, keys.server)
      const address = this.#server(own, 'address', 'mqtt_server')
      if (address === undefined) continue
      if (servers.has(address))
        this.#problems.add(value.at, `mqtt_server ${JSON.stringify(address)}: it is in the list already`)
      servers.set(address, isPlain ? {} : this.#serverKeys(own))
    }
    if (entry.value.items.length === 0) this.#problems.add(entry.at, 'mqtt_server: the list is empty')
    return servers.size === 0 ? {} : { mqtt_server: [...servers.keys()].join(','), servers }
  }

  #serverKeys(entries: Entries): ServerKeys {
    const credentials = this.#path(entries, 'credentials')
    const broker = this.#broker(entries)
    return { ...(credentials !== undefined && { credentials }), ...(broker !== undefined && { broker }) }
  }

  #broker(entries: Entries): Broker | undefined {
    const keys = ['mqtt_user', 'mqtt_password_file', 'mqtt_ca'] as const
    const given = keys.map((key) => entries.get(key)).find((entry) => entry !== undefined)
    if (given === undefined) return undefined
    const user = this.#text(entries, 'mqtt_user')
    const passwordFile = this.#path(entries, 'mqtt_password_file')
    const ca = this.#path(entries, 'mqtt_ca')
    if ((user === undefined) !== (passwordFile === undefined))
      this.#problems.add(given.at, 'mqtt_user and mqtt_password_file belong together: give both')
    return { user, passwordFile, ca }
  }

  /** The path of a file, which begins where the site file is. */
  #path(entries: Entries, key: string): string | undefined {
    const path = this.#text(entries, key)
    return path === undefined ? undefined : resolve(dirname(this.#file), path)
  }

  #server(entries: Entries, key: string, name = key): string | undefined {
    const url = this.#text(entries, key)
    const fault = url === undefined ? undefined : serverFault(url, key === 'wamp_server')
    const at = entries.get(key)?.value.at
    if (fault && at) this.#problems.add(at, `${name} ${JSON.stringify(redact(url ?? ''))}: ${fault}`)
    return url
  }

  #name(entries: Entries, key: string): string | undefined {
    const text = this.#text(entries, key)
    const at = entries.get(key)?.value.at
    if (text === undefined || !at) return undefined
    const { error } = Name.safeParse(text)
    if (error) this.#problems.add(at, `${key} ${JSON.stringify(text)}: ${error.issues[0]?.message}`)
    return text
  }

  #text(entries: Entries, key: string): string | undefined {
    const entry = entries.get(key)
    if (!entry) return undefined
    const { value } = entry
    if (value.kind === 'text' && value.text !== null && value.text !== '') return value.text
    this.#problems.add(entry.at, `${key} takes a word, not ${keys.kindOf(value)}`)
    return undefined
  }

  #list(entry: Entry | undefined, what: string): readonly Node[] {
    const value = entry?.value
    if (!entry || !value || (value.kind === 'text' && value.text === null)) return []
    if (value.kind === 'list') return value.items
    this.#problems.add(entry.at, `${what} takes a list, not ${keys.kindOf(value)}`)
    return []
  }

  #section(node: Node, at: Position, section: keys.Section): Entries {
    return keys.readSection(node, at, section, this.#problems, this.#notes)
  }
}
