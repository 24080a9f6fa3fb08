import { randomUUID } from 'node:crypto'
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import mqtt, { type IClientOptions, MqttClient } from 'mqtt'
import type { z } from 'zod'
import { TransportError } from '../core/errors.ts'
import { addressesIn, bareHost } from '../core/host-port.ts'
import { type Address, type Channel, topic } from '../core/topic.ts'
import { writeJointly } from '../machine/joint-writes.ts'
import type { Bus, BusOptions, Listener, More } from './bus.ts'
import { awaitGoodbye } from './goodbye.ts'
import { MqttPublisher } from './mqtt-publisher.ts'
import { MqttStatus } from './mqtt-status.ts'
import { MqttSubscriptions } from './mqtt-subscriptions.ts'
import { Patience } from './patience.ts'
import { patientSettings, waitPatiently } from './patient-client.ts'
import { Servers, targetOf } from './servers.ts'
import type { Unreached } from './unreached.ts'

/** A client's credentials. */
interface Shown {
  /** The user name; the client id by default. */
  readonly principal?: string | undefined
  readonly tokens: readonly string[]
  /** The password of a log-in, or for a foreign broker; sent unchanged. */
  readonly password?: string | undefined
  /** The only authority accepted for the hub's certificate, PEM; by default those that Bun knows. */
  readonly ca?: string | undefined
}

/** How to reach the hub, and as which client. */
export interface MqttOptions extends BusOptions {
  /**
   * `mqtt://host:1883`, `mqtts://host:8883`, `ws://host:8001/ws`, `wss://host:8080/ws`; several addresses
   * separated by commas are tried in turn.
   */
  readonly url: string
  readonly client: string
  /** A connection to a hub in this process, in place of the URL. */
  readonly stream?: (() => Duplex) | undefined
  /**
   * The credentials for the hub at an address; asked for at each attempt, since a hub may create them when it
   * starts.
   */
  readonly credentials?: ((to: { readonly url: string }) => Shown | undefined) | undefined
  /** The message that the hub publishes when this client is lost. */
  readonly will?: { readonly topic: string; readonly payload: string }
  /**
   * Called when the hub refuses this client (its id is taken or invalid). The client tries again unless the
   * bus is disposed. `code` is that of the CONNACK (MQTT 3.1.1 §3.2.2.3).
   */
  readonly onRefused?: (reason: string, code: number) => void
}

/**
 * A bus over MQTT 3.1.1. Returns at once; connects by itself, and reconnects without limit.
 * @throws ConfigError for credentials that cannot be used
 */
export function connectMqtt(options: MqttOptions): Bus {
  const { client, status, servers } = openClient(options)
  const publisher = new MqttPublisher(client, status.isCluster)
  const subscriptions = new MqttSubscriptions(client, status, options, (name, why) => {
    publisher.refused(name, why)
    options.onBad?.(name, `the hub refused to publish it: ${why}`)
  })
  return {
    client: options.client,
    get connected() {
      return status.connected
    },
    get problem() {
      return status.problem
    },
    get server() {
      return servers.all.length > 1 ? servers.now : undefined
    },
    publish: <P extends string, S extends z.ZodType>(
      to: Channel<P, S>,
      address: Address<P>,
      payload: z.input<S>,
    ) => publisher.send(topic(to, address), JSON.stringify(payload), to),
    publishText: <P extends string>(to: Channel<P>, address: Address<P>, text: string) =>
      publisher.send(topic(to, address), text, to),
    clear: <P extends string>(to: Channel<P>, address: Address<P>) =>
      publisher.send(topic(to, address), '', to),
    subscribe: <P extends string, S extends z.ZodType>(
      to: Channel<P, S>,
      address: Partial<Address<P>>,
      listener: Listener<P, S>,
      more?: More<P, S>,
    ) => subscriptions.add(to, address, listener, more),
    onConnected: (listener) => status.listen(listener),
    onProblem: (listener) => status.onProblem(listener),
    async [Symbol.asyncDispose]() {
      // A hub that dies at the same moment must not delay the end.
      await awaitGoodbye(client.endAsync(!status.connected))
      client.end(true)
      publisher.close()
    },
  }
}

/**
 * Opens a client. Returns at once; the client connects by itself, and reconnects without limit.
 * @throws ConfigError for credentials that cannot be used
 */
export function openClient(options: MqttOptions): {
  readonly client: MqttClient
  readonly status: MqttStatus
  readonly servers: Servers
} {
  const nonce = randomUUID()
  const servers = new Servers(options.url)
  // mqtt.js's own `connect` loads TLS, WebSocket and SOCKS, a sixth of the cost of a short command (decision
  // 0038).
  const builder = options.stream ?? (servers.isPlain ? () => plainStream(servers.now) : undefined)
  const now = () => shownTo(options, servers.now, nonce)
  servers.again()
  const patience = new Patience()
  const settings = { ...settingsOf(options), ...patientSettings(patience), ...now() }
  const client = builder ? new MqttClient(builder, settings) : mqtt.connect(servers.now, settings)
  waitPatiently(client, patience, servers)
  // Each connection has its own stream.
  client.on('connect', () => writeJointly(client.stream))
  client.on('reconnect', () => {
    servers.again()
    // mqtt.js reads its options at each attempt.
    if (servers.all.length > 1) Object.assign(client.options, targetOf(servers.now))
    try {
      const shown = now()
      Object.assign(client.options, { ca: undefined }, shown)
      // mqtt.js has a separate copy for WebSocket.
      Object.assign(client.options.wsOptions ?? {}, { ca: shown.ca })
    } catch {
      // A file is being written: keep the credentials read before.
    }
  })
  const status = new MqttStatus(client, {
    servers,
    // A hub may start listening after the credentials were read and before the connection: the next attempt
    // shows them.
    hasShown() {
      try {
        const { password = client.options.password } = now()
        return password === client.options.password
      } catch {
        return true
      }
    },
    showedNothing: () => client.options.password === nonce,
    onRefused: options.onRefused,
  })
  return { client, status, servers }
}

/** A TCP connection to an address `mqtt://HOST:PORT`. */
function plainStream(url: string): Duplex {
  const { hostname, port } = new URL(url)
  return connect({ host: bareHost(hostname), port: Number(port || 1883) })
}

function settingsOf({ client, will }: MqttOptions): IClientOptions {
  return {
    clientId: client,
    protocolVersion: 4,
    clean: true,
    // The present holder of this client's id may leave: by itself mqtt.js would not try again.
    reconnectOnConnackError: true,
    queueQoSZero: false,
    // `MqttSubscriptions` resubscribes: mqtt.js would not notice a refused filter.
    resubscribe: false,
    // Otherwise mqtt-packet keeps 65,536 numbers ready, 4 to 7 MB in each role.
    writeCache: false,
    rejectUnauthorized: true,
    ...(will && { will: { topic: will.topic, payload: Buffer.from(will.payload), qos: 1, retain: true } }),
  }
}

/**
 * User name and password for the hub, and the authority that the client trusts. The password contains the
 * client's tokens and a nonce known only to this process and the hub: a client that shows the nonce again is
 * the same one, back before its loss was noticed.
 */
function shownTo({ client, credentials }: MqttOptions, url: string, nonce: string): Partial<IClientOptions> {
  const { principal = client, tokens = [], password, ca } = credentials?.({ url }) ?? {}
  const trust = ca === undefined ? {} : { ca }
  return { ...trust, username: principal, password: password ?? [...tokens, nonce].join('.') }
}

/**
 * Waits until the hub is connected, or refuses the client, or proves not to be this lab's.
 * @param patience seconds for each of its addresses: nodes of a cluster admit nobody while they elect a new
 *   leader
 * @throws TransportError when the hub is not connected within that time, with the reason of the last attempt
 */
export function reached(bus: Bus, url: string, patience: number): Promise<void> {
  const seconds = patience * addressesIn(url).length
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer)
      // Both listeners may be called before their registration has returned.
      queueMicrotask(() => {
        watch[Symbol.dispose]()
        problems?.[Symbol.dispose]()
      })
    }
    const fail = () => {
      end()
      reject(new TransportError(notReached(bus.problem, url, seconds)))
    }
    const timer = setTimeout(fail, seconds * 1000)
    const problems = bus.onProblem?.(({ kind }) => kind !== 'away' && fail())
    const watch = bus.onConnected((connected) => {
      if (!connected) return
      end()
      resolve()
    })
  })
}

function notReached(problem: Unreached | undefined, url: string, seconds: number): string {
  const { length } = addressesIn(url)
  if (length > 1)
    return `none of the ${length} addresses of the hub answered within ${seconds} s: ${problem?.text ?? `no answer at ${url}`}`
  if (problem?.kind === 'refused') return `the hub at ${url} does not accept this client: ${problem.text}`
  if (problem?.kind === 'tls') return `the hub at ${url} cannot be reached over TLS: ${problem.text}`
  return `no hub at ${url} within ${seconds} s (${problem?.text ?? 'no answer'}): is "ocs hub" running there?`
}
