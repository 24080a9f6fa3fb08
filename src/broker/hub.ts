import type { Server } from 'node:net'
import { hostname } from 'node:os'
import type { Duplex } from 'node:stream'
import { Aedes, type Client } from 'aedes'
import { topic } from '../core/channel.ts'
import { channels } from '../core/channels.ts'
import { collectAfter } from '../core/collect.ts'
import { ConfigError } from '../core/errors.ts'
import { openGate, Refusal } from './gate.ts'
import { limits } from './limits.ts'
import { hostPort, isLoopback } from './loopback.ts'
import { portError } from './port-in-use.ts'
import { quietly } from './quiet-log.ts'
import { Retained } from './retained.ts'
import { clip } from './rules.ts'
import { shield } from './shield.ts'
import { type Listen, listenTcp } from './tcp.ts'
import { serveWebSocket } from './websocket.ts'

/** Connections that end before what they leave behind is collected. */
const COLLECT_AFTER = 1000

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
  /** Listens beyond this machine although there are neither users nor TLS. */
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
  /** Closes every connection and port. */
  close(): Promise<void>
}

/**
 * Starts the message broker every role connects to: MQTT 3.1.1 over TCP and WebSocket. It keeps nothing but the
 * last retained message of each topic, in memory.
 * @throws ConfigError for a port in use, and for an address beyond this machine without `insecure`
 */
export async function startHub(options: HubOptions): Promise<Hub> {
  const { root, realm, version, recorders, pingTimeout } = options
  const listen = options.listen ?? [{ host: '127.0.0.1', port: 1883 }]
  const websocket = { host: '127.0.0.1', port: 8001, path: '/ws', ...options.websocket }
  const open = [...listen, websocket].filter(({ host }) => !isLoopback(host))
  if (open.length > 0 && options.insecure !== true) {
    const where = open.map(({ host, port }) => hostPort(host, port)).join(', ')
    throw new ConfigError(
      `listening on ${where} is refused: there are no users and no TLS yet, so whoever reaches this machine could read ` +
        'everything and start operations. Listen on 127.0.0.1, or pass --insecure if that is what you want',
    )
  }

  const log = quietly(options.log)
  const origins = new WeakMap<Duplex, string>()
  const origin = (client: Client) => origins.get(client.conn) ?? 'an unknown address'
  const retained = new Retained()
  const gate = openGate({ root, recorders, retained, log, from: origin, pingTimeout })
  const broker = await Aedes.createBroker({
    ...gate.hooks,
    persistence: retained,
    connectTimeout: limits.connect_timeout * 1000,
    drainTimeout: 2000,
    keepaliveLimit: limits.keep_alive,
    maxTopicLevels: limits.topic_levels,
    maxInflightInbound: 20,
  })
  broker.setMaxListeners(0)
  const leases = gate.attach(broker)
  broker.on('error' as 'closed', ((error: Error) => log(`hub: ${error.message}`)) as () => void)
  broker.on('connectionError', (client, error) => log(`connection from ${origin(client)} cut: ${say(error)}`))
  broker.on('clientError', (client, error) => {
    if (!(error instanceof Refusal)) log(`client ${clip(client.id)} cut: ${say(error)}`)
  })

  const admitted = new WeakSet<Duplex>()
  broker.on('connackSent', ({ returnCode }, { conn }) => returnCode === 0 && admitted.add(conn))
  const connections = new Set<Duplex>()
  const collect = collectAfter(COLLECT_AFTER)
  const room = () => {
    if (connections.size < limits.connections) return true
    log(`a connection was refused: all ${limits.connections} are taken`)
    return false
  }
  const take = (conn: Duplex, from: string) => {
    connections.add(conn)
    conn.once('close', () => {
      connections.delete(conn)
      collect()
    })
    origins.set(conn, from)
    lowerQos(broker.handle(shield(conn, () => admitted.has(conn))))
  }

  const servers: Server[] = []
  let web: ReturnType<typeof serveWebSocket> | undefined
  const close = async () => {
    const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)))
    await new Promise<void>((resolve) => broker.close(resolve))
    for (const conn of connections) conn.destroy()
    await Promise.all([...closed, web?.stop(true)])
  }

  try {
    for (const at of listen) servers.push(await listenTcp(at, room, take))
    web = await listenWeb({ ...websocket, room, take })
  } catch (error) {
    await close()
    throw error
  }
  const mqtt = servers.map((server, at) => {
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    return `mqtt://${hostPort(listen[at]?.host ?? '127.0.0.1', port)}`
  })
  const ws = `ws://${hostPort(websocket.host, web.port ?? websocket.port)}${websocket.path}`
  const listeners = [...mqtt, ws]
  if (open.length > 0) {
    log(
      'insecure: without users and TLS, whoever reaches this machine can read everything and start operations',
    )
  }

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

  return {
    listeners,
    urls: { mqtt: mqtt[0] ?? '', ws },
    clients: () =>
      leases.all().map(({ id, from, since, agent }) => ({
        id,
        from,
        since,
        ...(agent && { session: agent.session, host: agent.host, pid: agent.pid }),
      })),
    close,
    [Symbol.asyncDispose]: close,
  }
}

async function listenWeb(
  options: Parameters<typeof serveWebSocket>[0],
): Promise<ReturnType<typeof serveWebSocket>> {
  try {
    return serveWebSocket(options)
  } catch (error) {
    throw await portError(options.host, options.port, error)
  }
}

/** Grants QoS 1 to who asks for QoS 2: Aedes answers with what the packet says before it asks its hook. */
function lowerQos(client: Client): void {
  const { _parser: parser } = client as unknown as { _parser: NodeJS.EventEmitter }
  parser.prependListener('packet', (packet: { cmd: string; subscriptions?: { qos: number }[] }) => {
    if (packet.cmd !== 'subscribe') return
    for (const subscription of packet.subscriptions ?? []) subscription.qos = Math.min(subscription.qos, 1)
  })
}

/** Aedes' words for what a user can do something about. */
function say({ message }: Error): string {
  if (message === 'unacceptable protocol version')
    return 'it does not speak MQTT 3.1.1, which is what is served'
  if (message === 'keep alive limit exceeded')
    return `its keep alive is not between 1 and ${limits.keep_alive} s`
  if (message === 'connect did not arrive in time') return `no CONNECT within ${limits.connect_timeout} s`
  return message
}
