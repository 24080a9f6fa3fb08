import { hostname } from 'node:os'
import type { Duplex } from 'node:stream'
import type { Aedes, Client } from 'aedes'
import { type AuditEntry, channels } from '../core/channels.ts'
import { ConfigError } from '../core/errors.ts'
import { hostPort, isLoopback } from '../core/host-port.ts'
import type { OcsCalls, OcsVisitor } from '../core/ocs.ts'
import { topic } from '../core/topic.ts'
import type { KeyPair } from '../principals/certificate.ts'
import type { Identify } from '../principals/identify.ts'
import type { LogIn } from '../principals/log-in.ts'
import type { Principal } from '../principals/principal.ts'
import type { ByPassword, Who } from '../principals/web-login.ts'
import { openGate } from './access-control.ts'
import { openBroker } from './broker.ts'
import type { Leases } from './client-id-lease.ts'
import { Connections } from './connections.ts'
import { type Http, httpCalls } from './http-calls.ts'
import { innerConnection } from './inner-connection.ts'
import { limits } from './limits.ts'
import { Listeners } from './listeners.ts'
import { quietly } from './quiet-log.ts'
import { Retained } from './retained.ts'
import type { Listen } from './tcp.ts'

/** How to make a hub ready for connections from other machines. */
export const CLOSED =
  'for other machines a hub needs users and TLS. Run ocs hub init, which makes a certificate and credentials for the ' +
  "site's instances, and ocs hub passwd NAME --role ROLE for people. Or listen on 127.0.0.1, or pass --insecure if anyone who " +
  'can reach this machine may read everything and start operations'

/** The warning of an open hub, at its start and each hour. */
const INSECURE =
  'insecure: anyone who can reach this hub can read everything and start operations (--insecure)'
const HOUR_MS = 3_600_000
/** Seconds between checks of the credentials of connected clients. */
const RECHECK_S = 30
/** The identity under which the hub itself watches its lab, to answer calls over HTTP. */
const ITSELF: Principal = { name: 'hub', role: 'observer', level: 0 }

/** Options of a hub. */
export interface HubOptions {
  /** The address root, first level of every topic. */
  readonly root: string
  readonly realm: string
  readonly version: string
  /** MQTT over TCP; 127.0.0.1:1883 by default. */
  readonly listen?: readonly Listen[]
  /** MQTT over WebSocket, path /ws; 127.0.0.1:8001 by default. */
  readonly websocket?: readonly Listen[]
  /** The certificate for TLS. */
  readonly keys?: KeyPair | undefined
  /** The instance-ids that may acknowledge recordings; any may if the site is unknown. */
  readonly recorders?: readonly string[]
  /** Topic prefixes by the principal whose devices may publish there; none by default. */
  readonly deviceTopics?: () => ReadonlyMap<string, readonly string[]>
  /** Determines a client's identity. */
  readonly identify: Identify
  /** Makes tokens for people's passwords; without it nobody can log in. */
  readonly logIn?: LogIn
  /** Identifies people by password, for their calls over HTTP; without it no password is accepted. */
  readonly people?: ByPassword
  /**
   * Answers calls over HTTP; without it there are none.
   * @param own the hub's own view of the lab
   */
  readonly calls?: (own: OcsVisitor) => OcsCalls
  /** Stores an entry of the audit log. */
  readonly keep?: (entry: AuditEntry) => void
  /** Earlier entries, the newest last. */
  readonly kept?: readonly AuditEntry[]
  /** Everybody may do everything, and the hub may listen beyond this machine without TLS. */
  readonly insecure?: boolean
  /** Seconds that the holder of a client id has to answer a ping; `limits.ping_timeout` by default. */
  readonly pingTimeout?: number
  /** Seconds between checks whether tokens of connected clients have expired; 30 by default. */
  readonly recheckEvery?: number
  log(text: string): void
}
/** A client as seen by the hub; `session`, `host` and `pid` are an agent's. Times are unix seconds, UTC. */
interface HubClient {
  readonly id: string
  readonly from: string
  readonly since: number
  readonly session?: string
  readonly host?: string
  readonly pid?: number
}
/** A running hub. */
export interface Hub extends AsyncDisposable {
  readonly listeners: readonly string[]
  /** The first address of each kind. */
  readonly urls: { readonly mqtt: string; readonly ws: string }
  clients(): HubClient[]
  /**
   * Disconnects clients that would now be admitted differently or not at all, because the known credentials
   * have changed.
   */
  recheck(): void
  /** Uses another certificate for new connections; existing ones stay. */
  renew(keys: KeyPair): void
  /** Closes every connection and port. */
  close(): Promise<void>
}

/**
 * Starts the message broker that every role connects to: MQTT 3.1.1 over TCP and WebSocket. It only keeps the
 * last retained message of each topic, in memory.
 * @throws ConfigError for a port in use, and for an address beyond this machine without `insecure`
 */
export async function startHub(options: HubOptions): Promise<Hub> {
  const { root, recorders, deviceTopics, identify, logIn, keep, kept, insecure, pingTimeout } = options
  const listen = options.listen ?? [{ host: '127.0.0.1', port: 1883 }]
  const websocket = options.websocket ?? [{ host: '127.0.0.1', port: 8001 }]
  checkReach([...listen, ...websocket], options)

  const log = quietly(options.log)
  const origins = new WeakMap<Duplex, string>()
  const from = (client: Client) => origins.get(client.conn) ?? 'an unknown address'
  const vouchers = new WeakMap<Duplex, Who>()
  const vouched = (client: Client) => vouchers.get(client.conn)
  const retained = new Retained(root)
  const gate = openGate({
    root,
    recorders,
    deviceTopics,
    retained,
    identify,
    logIn,
    keep,
    kept,
    log,
    from,
    vouched,
    pingTimeout,
  })
  const broker = await openBroker(gate, retained, log, from)
  const leases = gate.attach(broker)
  const connections = new Connections(broker, origins, (client) => gate.admitted(client), log)
  const taker = {
    enter: (conn: Duplex, origin: string) => connections.waiting.enter(conn, origin),
    take: (conn: Duplex, origin: string) => connections.take(conn, origin),
    log,
  }
  const connect = (who: Who, origin: string) => {
    const [server, client] = innerConnection()
    vouchers.set(server, who)
    connections.take(server, origin)
    return client
  }
  const calls = options.calls?.({ key: '', name: 'hub', connect: () => connect(() => ITSELF, '127.0.0.1') })
  const http = calls && httpOf(options, { calls, connect, refused: (...what) => gate.audit.refused(...what) })
  const listeners = new Listeners(taker, options.keys, http)
  let hourly: Timer | undefined
  // A token may expire while its client is connected, and no file changes then.
  const regularly = setInterval(() => gate.recheck(), (options.recheckEvery ?? RECHECK_S) * 1000)
  const close = async () => {
    clearInterval(hourly)
    clearInterval(regularly)
    await calls?.[Symbol.asyncDispose]()
    await listeners.close(() => connections.end())
  }
  try {
    await listeners.open(listen, websocket)
  } catch (error) {
    await close()
    throw error
  }
  const warn = () => options.log(INSECURE)
  if (insecure) warn()
  hourly = insecure ? setInterval(warn, HOUR_MS) : undefined
  const { mqtt, ws } = listeners
  const urls = [...mqtt, ...ws]
  await announce(broker, options, urls)
  return {
    listeners: urls,
    urls: { mqtt: mqtt[0] ?? '', ws: ws[0] ?? '' },
    clients: () => clientsOf(leases),
    recheck: () => gate.recheck(),
    renew: (keys) => listeners.renew(keys),
    close,
    [Symbol.asyncDispose]: close,
  }
}

/**
 * @throws ConfigError for an address beyond this machine without TLS, unless `insecure`, and for TLS without
 *   a certificate
 */
function checkReach(addresses: readonly Listen[], { insecure = false, keys }: HubOptions): void {
  const bare = addresses.filter(({ host, tls }) => (tls ? !keys : !isLoopback(host)))
  if (bare.length > 0 && (!insecure || bare.some(({ tls }) => tls))) {
    throw new ConfigError(
      `listening on ${bare.map(({ host, port }) => hostPort(host, port)).join(', ')} is refused: ${CLOSED}`,
    )
  }
}

function httpOf(
  { root, realm, version, identify, people }: HubOptions,
  more: Pick<Parameters<typeof httpCalls>[0], 'calls' | 'connect' | 'refused'>,
): Http {
  return httpCalls({ info: { realm, address_root: root, version }, identify, people, ...more })
}

/** Publishes the hub's self-description. */
async function announce(
  broker: Aedes,
  { root, realm, version, insecure }: HubOptions,
  listeners: readonly string[],
): Promise<void> {
  const info = {
    realm,
    version,
    since: Date.now() / 1000,
    host: hostname(),
    pid: process.pid,
    listeners,
    ...(insecure && { insecure }),
    limits,
  }
  const { qos, retain } = channels.hub
  const payload = JSON.stringify(channels.hub.payload.parse(info))
  const publication = {
    cmd: 'publish',
    topic: topic(channels.hub, { root }),
    payload,
    qos,
    retain,
    dup: false,
  } as const
  await new Promise<void>((resolve, reject) =>
    broker.publish(publication, (error) => (error ? reject(error) : resolve())),
  )
}

function clientsOf(leases: Leases): HubClient[] {
  return leases.all().map(({ id, from, since, agent }) => ({
    id,
    from,
    since,
    ...(agent && { session: agent.session, host: agent.host, pid: agent.pid }),
  }))
}
