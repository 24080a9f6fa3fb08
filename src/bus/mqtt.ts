import { randomUUID } from 'node:crypto'
import mqtt, { type IClientOptions } from 'mqtt'
import type { z } from 'zod'
import { TransportError } from '../core/errors.ts'
import { type Address, type Channel, topic } from '../core/topic.ts'
import type { Bus, BusOptions, Cleared, Listener, Mend } from './bus.ts'
import { awaitGoodbye } from './goodbye.ts'
import { MqttPublisher } from './mqtt-publisher.ts'
import { MqttStatus } from './mqtt-status.ts'
import { MqttSubscriptions } from './mqtt-subscriptions.ts'

/** How to reach the hub, and as whom. */
export interface MqttOptions extends BusOptions {
  /** `mqtt://host:1883`, `ws://host:8001/ws`. */
  readonly url: string
  readonly client: string
  /** What the account has in files of its own, for what its hub grants to that account alone. */
  readonly tokens?: readonly string[]
  /** What the hub publishes when this client is lost. */
  readonly will?: { readonly topic: string; readonly payload: string }
  /**
   * The hub refused this client (its id is taken, or it is not a name; `NOT_AUTHORISED`); asked again unless the bus is
   * disposed. `code` is that of its CONNACK (MQTT 3.1.1 §3.2.2.3).
   */
  readonly onRefused?: (reason: string, code: number) => void
}

/** The code of a hub that does not let this client in, and will not later either. */
export const NOT_AUTHORISED = 5
/** Seconds: the hub is asked for a sign of life each; half of it again without an answer is a lost connection. */
const KEEPALIVE = 5
/** Milliseconds between attempts to reach the hub. */
const RETRY_MS = 250
/** Milliseconds an attempt may take. */
const CONNECT_MS = 5000
/** A bus over MQTT 3.1.1. Connects, and reconnects for ever, by itself; returns at once. */
export function connectMqtt(options: MqttOptions): Bus {
  const client = mqtt.connect(options.url, settingsOf(options))
  const status = new MqttStatus(client, options)
  const publisher = new MqttPublisher(client)
  const subscriptions = new MqttSubscriptions(client, status, options)
  return {
    client: options.client,
    get connected() {
      return status.connected
    },
    get problem() {
      return status.problem
    },
    publish: <P extends string, S extends z.ZodType>(
      to: Channel<P, S>,
      address: Address<P>,
      payload: z.input<S>,
    ) => publisher.send(topic(to, address), JSON.stringify(payload), to),
    clear: <P extends string>(to: Channel<P>, address: Address<P>) =>
      publisher.send(topic(to, address), '', to),
    subscribe: <P extends string, S extends z.ZodType>(
      to: Channel<P, S>,
      address: Partial<Address<P>>,
      listener: Listener<P, S>,
      mend?: Mend<P, S>,
      cleared?: Cleared<P>,
    ) => subscriptions.add(to, address, listener, mend, cleared),
    onConnected: (listener) => status.listen(listener),
    async [Symbol.asyncDispose]() {
      // A hub that dies at the same moment must not keep anyone from stopping.
      await awaitGoodbye(client.endAsync(!status.connected))
      client.end(true)
      publisher.close()
    },
  }
}

function settingsOf({ url, client, tokens = [], will }: MqttOptions): IClientOptions {
  return {
    clientId: client,
    protocolVersion: 4,
    clean: true,
    keepalive: KEEPALIVE,
    reconnectPeriod: RETRY_MS,
    // Whoever has this client's id now may leave: mqtt.js by itself would never ask again.
    reconnectOnConnackError: true,
    connectTimeout: CONNECT_MS,
    queueQoSZero: false,
    resubscribe: true,
    // Else mqtt-packet keeps 65,536 numbers ready, 4 to 7 MB in each role.
    writeCache: false,
    // Known to this process and the hub alone: who shows it again is the same client, back before it was missed.
    ...(!hasUser(url) && {
      username: client,
      password: [...tokens, randomUUID()].join('.'),
    }),
    ...(will && { will: { topic: will.topic, payload: Buffer.from(will.payload), qos: 1, retain: true } }),
  }
}

/** Whether a hub's address names a user of its own. */
function hasUser(url: string): boolean {
  return (URL.parse(url)?.username ?? '') !== ''
}

/**
 * Waits until the hub is reached.
 * @throws TransportError when it is not within `seconds`, with the reason of the last attempt
 */
export function reached(bus: Bus, url: string, seconds: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      watch[Symbol.dispose]()
      const why = bus.problem ?? 'no answer'
      reject(new TransportError(`no hub at ${url} within ${seconds} s (${why}): is "ocs hub" running there?`))
    }, seconds * 1000)
    const watch = bus.onConnected((connected) => {
      if (!connected) return
      clearTimeout(timer)
      queueMicrotask(() => watch[Symbol.dispose]())
      resolve()
    })
  })
}
