import { hostname } from 'node:os'
import type { Duplex } from 'node:stream'
import type { Aedes, Client } from 'aedes'
import { type AuditEntry, channels } from '../core/channels.ts'
import { ConfigError } from '../core/errors.ts'
import { hostPort, isLoopback } from '../core/host-port.ts'
import { topic } from '../core/topic.ts'
import type { Identify } from '../principals/identify.ts'
import type { LogIn } from '../principals/log-in.ts'
import { openGate } from './access-control.ts'
import { openBroker } from './broker.ts'
import type { Leases } from './client-id-lease.ts'
import { Connections } from './connections.ts'
import { limits } from './limits.ts'
import { Listeners } from './listeners.ts'
import { quietly } from './quiet-log.ts'
import { Retained } from './retained.ts'
import type { Listen } from './tcp.ts'

/** What a hub is started with. */
export interface HubOptions {
  /** The address root, first level of every topic. */
  readonly root: string
  readonly realm: string
  readonly version: string
  /** MQTT over TCP; 127.0.0.1:1883 by default. */
  readonly listen?: readonly Listen[]
  /** MQTT over WebSocket; 127.0.0.1:8001, path /ws by default. */
  readonly websocket?: Listen & { readonly path?: string }
  /** The instance-ids that may acknowledge recordings; anyone may when the site is unknown. */
  readonly recorders?: readonly string[]
  /** Says who a client is. */
  readonly identify: Identify
  /** Makes tokens for the passwords of people; nobody logs in without. */
  readonly logIn?: LogIn
  /** Keeps who did what. */
  readonly keep?: (entry: AuditEntry) => void
  /** Listens beyond this machine although there is no TLS. */
  readonly insecure?: boolean
  /** Seconds that the holder of a client id has to answer a ping; `limits.ping_timeout` by default. */
  readonly pingTimeout?: number
  log(text: string): void
}
/** A client as the hub knows it; `session`, `host` and `pid` are an agent's. Times are unix seconds, UTC. */
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
  /** Cuts clients that would not be let in any more as what they were: whom it knows has changed. */
  recheck(): void
  /** Closes every connection and port. */
  close(): Promise<void>
}

/**
 * Starts the message broker every role connects to: MQTT 3.1.1 over TCP and WebSocket. It keeps nothing but the
 * last retained message of each topic, in memory.
 * @throws ConfigError for a port in use, and for an address beyond this machine without `insecure`
 */
export async function startHub(options: HubOptions): Promise<Hub> {
  const { root, recorders, identify, logIn, keep, pingTimeout } = options
  const listen = options.listen ?? [{ host: '127.0.0.1', port: 1883 }]
  const websocket = { host: '127.0.0.1', port: 8001, path: '/ws', ...options.websocket }
  const beyond = checkReach([...listen, websocket], options.insecure)

  const log = quietly(options.log)
  const origins = new WeakMap<Duplex, string>()
  const from = (client: Client) => origins.get(client.conn) ?? 'an unknown address'
  const retained = new Retained()
  const gate = openGate({ root, recorders, retained, identify, logIn, keep, log, from, pingTimeout })
  const broker = await openBroker(gate, retained, log, from)
  const leases = gate.attach(broker)
  const connections = new Connections(broker, origins, log)
  const listeners = new Listeners(connections)
  const close = () => listeners.close(() => connections.end())
  try {
    await listeners.open(listen, websocket)
  } catch (error) {
    await close()
    throw error
  }
  if (beyond) {
    log('insecure: whoever reaches this machine can read everything and start operations')
  }
  const { mqtt, ws } = listeners
  const urls = [...mqtt, ws]
  await announce(broker, options, urls)
  return {
    listeners: urls,
    urls: { mqtt: mqtt[0] ?? '', ws },
    clients: () => clientsOf(leases),
    recheck: () => gate.recheck(),
    close,
    [Symbol.asyncDispose]: close,
  }
}

/**
 * Whether a hub that listens there is reached from beyond this machine.
 * @throws ConfigError when it would be, without `insecure`
 */
function checkReach(addresses: readonly Listen[], insecure = false): boolean {
  const open = addresses.filter(({ host }) => !isLoopback(host))
  if (open.length > 0 && !insecure) {
    const where = open.map(({ host, port }) => hostPort(host, port)).join(', ')
    throw new ConfigError(
      `listening on ${where} is refused: there is no TLS yet, so tokens would pass the network as they are. Listen on ` +
        '127.0.0.1, or pass --insecure if whoever reaches this machine may read everything and start operations',
    )
  }
  return open.length > 0
}

/** Publishes what the hub says of itself. */
async function announce(
  broker: Aedes,
  { root, realm, version }: HubOptions,
  listeners: readonly string[],
): Promise<void> {
  const info = {
    realm,
    version,
    since: Date.now() / 1000,
    host: hostname(),
    pid: process.pid,
    listeners,
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
