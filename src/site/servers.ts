/** How a site file gives the hub's address and the credentials for it. */
import { redact } from '../core/redact.ts'
import * as keys from './keys.ts'
import type { Entries, SectionReader } from './section-reader.ts'
import { serverFault } from './server-fault.ts'

/** Credentials for a broker that is not `ocs hub`, and the CA of its certificate. */
export interface Broker {
  readonly user?: string | undefined
  /** The password is its first line. */
  readonly passwordFile?: string | undefined
  /** The CA certificate, PEM. */
  readonly ca?: string | undefined
}
/** Credentials for the hub, or for one of its addresses. */
export interface ServerKeys {
  /** The file of credentials for `ocs hub`. */
  readonly credentials?: string
  /** Those for another broker. */
  readonly broker?: Broker
}
/** How to reach the hub; a host's own values override those of the whole site. */
export interface HubServers extends ServerKeys {
  /** `mqtt://HOST:PORT`, several separated by commas; takes precedence over `wamp_server`. */
  readonly mqtt_server?: string
  /** Credentials for addresses in `mqtt_server` that have their own. */
  readonly servers?: ReadonlyMap<string, ServerKeys>
  /** In OCS the WAMP router's address; here the hub's MQTT over WebSocket, `ws://HOST:PORT/PATH`. */
  readonly wamp_server?: string
  /** `http://HOST:PORT/call`, for OCS's own clients. */
  readonly wamp_http?: string
  readonly wamp_realm?: string
}

/** The servers and credentials of `hub:`, of a host, or of another site. */
export function readServers(reader: SectionReader, entries: Entries): HubServers {
  const mqtt = readMqttServers(reader, entries)
  const wamp = readServer(reader, entries, 'wamp_server')
  const http = reader.text(entries, 'wamp_http')
  const realm = reader.text(entries, 'wamp_realm')
  return {
    ...mqtt,
    ...(wamp !== undefined && { wamp_server: wamp }),
    ...(http !== undefined && { wamp_http: http }),
    ...(realm !== undefined && { wamp_realm: realm }),
    ...readServerKeys(reader, entries),
  }
}

/** An address or a list of them; each item is an address alone, or `address` with its own credentials. */
function readMqttServers(
  reader: SectionReader,
  entries: Entries,
): Pick<HubServers, 'mqtt_server' | 'servers'> {
  const entry = entries.get('mqtt_server')
  if (entry?.value.kind !== 'list') {
    const one = readServer(reader, entries, 'mqtt_server')
    return one === undefined ? {} : { mqtt_server: one }
  }
  const servers = new Map<string, ServerKeys>()
  for (const value of entry.value.items) {
    const isPlain = value.kind === 'text'
    const own: Entries = isPlain
      ? new Map([['address', { key: 'address', at: value.at, value }]])
      : reader.section(value, value.at, keys.server)
    const address = readServer(reader, own, 'address', 'mqtt_server')
    if (address === undefined) continue
    if (servers.has(address))
      reader.problems.add(value.at, `mqtt_server ${JSON.stringify(address)}: it is already in the list`)
    servers.set(address, isPlain ? {} : readServerKeys(reader, own))
  }
  if (entry.value.items.length === 0) reader.problems.add(entry.at, 'mqtt_server: the list is empty')
  return servers.size === 0 ? {} : { mqtt_server: [...servers.keys()].join(','), servers }
}

function readServerKeys(reader: SectionReader, entries: Entries): ServerKeys {
  const credentials = reader.path(entries, 'credentials')
  const broker = readBroker(reader, entries)
  return { ...(credentials !== undefined && { credentials }), ...(broker !== undefined && { broker }) }
}

function readBroker(reader: SectionReader, entries: Entries): Broker | undefined {
  const keys = ['mqtt_user', 'mqtt_password_file', 'mqtt_ca'] as const
  const given = keys.map((key) => entries.get(key)).find((entry) => entry !== undefined)
  if (given === undefined) return undefined
  const user = reader.text(entries, 'mqtt_user')
  const passwordFile = reader.path(entries, 'mqtt_password_file')
  const ca = reader.path(entries, 'mqtt_ca')
  if ((user === undefined) !== (passwordFile === undefined))
    reader.problems.add(given.at, 'mqtt_user and mqtt_password_file belong together: give both')
  return { user, passwordFile, ca }
}

function readServer(reader: SectionReader, entries: Entries, key: string, name = key): string | undefined {
  const url = reader.text(entries, key)
  const fault = url === undefined ? undefined : serverFault(url, key === 'wamp_server')
  const at = entries.get(key)?.value.at
  if (fault && at) reader.problems.add(at, `${name} ${JSON.stringify(redact(url ?? ''))}: ${fault}`)
  return url
}
