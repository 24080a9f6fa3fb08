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

/** What shows a hub who a client is. */
interface Shown {
  /** The client id when not given. */
  readonly principal?: string | undefined
  readonly tokens: readonly string[]
  /** Of a log-in, or for a broker of others: shown alone, as it is. */
  readonly password?: string | undefined
  /** The authority that alone may have signed the hub's certificate, PEM; without it those that Bun knows. */
  readonly ca?: string | undefined
}

/** How to reach the hub, and as whom. */
export interface MqttOptions extends BusOptions {
  /**
   * `mqtt://host:1883`, `mqtts://host:8883`, `ws://host:8001/ws`, `wss://host:8080/ws`; several separated by commas, which are
   * tried in turn.
   */
  readonly url: string
  readonly client: string
  /** A way to the hub within its own process, in place of the URL. */
  readonly stream?: (() => Duplex) | undefined
  /** Who it shows the hub at an address to be; asked anew at each attempt, since a hub may make it when it starts. */
  readonly credentials?: ((to: { readonly url: string }) => Shown | undefined) | undefined
  /** What the hub publishes when this client is lost. */
  readonly will?: { readonly topic: string; readonly payload: string }
  /**
   * The hub refused this client (its id is taken, or it is not a name); asked again unless the bus is
   * disposed. `code` is that of its CONNACK (MQTT 3.1.1 §3.2.2.3).
   */
  readonly onRefused?: (reason: string, code: number) => void
}

/**
 * A bus over MQTT 3.1.1. Connects, and reconnects for ever, by itself; returns at once.
 * @throws ConfigError for credentials that cannot be used
 */
export function connectMqtt(options: MqttOptions): Bus {
  const { client, status, servers } = openClient(options)
  const publisher = new MqttPublisher(client)
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
      // A hub that dies at the same moment must not keep anyone from stopping.
      await awaitGoodbye(client.endAsync(!status.connected))
      client.end(true)
      publisher.close()
    },
  }
}

/**
 * Connects, and reconnects for ever, by itself; returns at once.
 * @throws ConfigError for credentials that cannot be used
 */
export function openClient(options: MqttOptions): {
  readonly client: MqttClient
  readonly status: MqttStatus
  readonly servers: Servers
} {
  const nonce = randomUUID()
  const servers = new Servers(options.url)
  // With its own `connect` mqtt.js loads TLS, WebSocket and SOCKS, a sixth of what a short command costs (decision 0038).
  const builder = options.stream ?? (servers.isPlain ? () => plainStream(servers.now) : undefined)
  const now = () => shownTo(options, servers.now, nonce)
  servers.again()
  const patience = new Patience()
  const settings = { ...settingsOf(options), ...patientSettings(patience), ...now() }
  const client = builder ? new MqttClient(builder, settings) : mqtt.connect(servers.now, settings)
  waitPatiently(client, patience, servers)
  // Each connection has a stream of its own.
  client.on('connect', () => writeJointly(client.stream))
  client.on('reconnect', () => {
    servers.again()
    // mqtt.js reads its options anew at each attempt.
    if (servers.all.length > 1) Object.assign(client.options, targetOf(servers.now))
    try {
      const shown = now()
      Object.assign(client.options, { ca: undefined }, shown)
      // mqtt.js has a copy for WebSocket.
      Object.assign(client.options.wsOptions ?? {}, { ca: shown.ca })
    } catch {
      // A file that is being written: what was read before holds.
    }
  })
  const status = new MqttStatus(client, {
    servers,
    // A hub may begin to listen between the look for credentials and the connection: the next attempt shows them.
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

/** A connection over TCP to an address `mqtt://HOST:PORT`. */
function plainStream(url: string): Duplex {
  const { hostname, port } = new URL(url)
  return connect({ host: bareHost(hostname), port: Number(port || 1883) })
}

function settingsOf({ client, will }: MqttOptions): IClientOptions {
  return {
    clientId: client,
    protocolVersion: 4,
    clean: true,
    // Whoever has this client's id now may leave: mqtt.js by itself would never ask again.
    reconnectOnConnackError: true,
    queueQoSZero: false,
    // `MqttSubscriptions` does: mqtt.js would not notice that a filter is refused then.
    resubscribe: false,
    // Else mqtt-packet keeps 65,536 numbers ready, 4 to 7 MB in each role.
    writeCache: false,
    rejectUnauthorized: true,
    ...(will && { will: { topic: will.topic, payload: Buffer.from(will.payload), qos: 1, retain: true } }),
  }
}

/**
 * User name and password: the tokens of who it is, and what is known to this process and the hub alone: who shows that
 * again is the same client, back before it was missed. And whom it believes to be the hub.
 */
function shownTo({ client, credentials }: MqttOptions, url: string, nonce: string): Partial<IClientOptions> {
  const { principal = client, tokens = [], password, ca } = credentials?.({ url }) ?? {}
  const trust = ca === undefined ? {} : { ca }
  return { ...trust, username: principal, password: password ?? [...tokens, nonce].join('.') }
}

/**
 * Waits until the hub is reached; no longer than until it says no, or shows that it is not this lab's.
 * @param patience seconds that each of its addresses has: nodes of a cluster let nobody in while they agree on a new leader
 * @throws TransportError when it is not within that time, with the reason of the last attempt
 */
export function reached(bus: Bus, url: string, patience: number): Promise<void> {
  const seconds = patience * addressesIn(url).length
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer)
      // Both may call back before they have returned.
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
