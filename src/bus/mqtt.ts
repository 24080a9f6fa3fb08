import mqtt, { type IClientOptions } from 'mqtt'
import type { z } from 'zod'
import { TransportError } from '../core/errors.ts'
import { type Address, type Channel, topic } from '../core/topic.ts'
import type { Bus, BusOptions, Listener } from './bus.ts'
import { Mailbox } from './mailbox.ts'

/** How to reach the hub, and as whom. */
export interface MqttOptions extends BusOptions {
  /** `mqtt://host:1883`, `ws://host:8001/ws`. */
  readonly url: string
  readonly client: string
  /** What the hub publishes when this client is lost. */
  readonly will?: { readonly topic: string; readonly payload: string }
  /** The hub refused this client (its id is taken, or it is not a name); asked again unless the bus is disposed. */
  readonly onRefused?: (reason: string) => void
}

/** Seconds: the hub is asked for a sign of life each; half of it again without an answer is a lost connection. */
const KEEPALIVE = 5
/** Milliseconds between attempts to reach the hub. */
const RETRY_MS = 250
/** Milliseconds that saying goodbye may take. */
const GOODBYE_MS = 300
/** Milliseconds an attempt may take. */
const CONNECT_MS = 5000
/** What Node and mqtt.js say of an attempt, in plain words. */
const PLAIN: readonly (readonly [RegExp, string])[] = [
  [/ECONNREFUSED/, 'connection refused'],
  [/ENOTFOUND|EAI_AGAIN/, 'there is no such host'],
  [/ENETUNREACH|EHOSTUNREACH/, 'there is no way to that host'],
  [/connack timeout/, 'what answers there is no hub'],
]
/** Bytes of a payload: the hub cuts whoever sends a packet of more than 4 MiB, and a QoS 1 one would be sent for ever. */
const MOST_BYTES = 4_000_000

/** A bus over MQTT 3.1.1. Connects, and reconnects for ever, by itself; returns at once. */
export function connectMqtt(options: MqttOptions): Bus {
  const { url, client: clientId, will, onRefused } = options
  const mailbox = new Mailbox(options)
  const status = new Set<(connected: boolean, reason?: string) => void>()
  let reason: string | undefined
  const settings: IClientOptions = {
    clientId,
    protocolVersion: 4,
    clean: true,
    keepalive: KEEPALIVE,
    reconnectPeriod: RETRY_MS,
    // Whoever has this client's id now may leave: mqtt.js by itself would never ask again.
    reconnectOnConnackError: true,
    connectTimeout: CONNECT_MS,
    queueQoSZero: false,
    resubscribe: true,
    ...(will && { will: { topic: will.topic, payload: Buffer.from(will.payload), qos: 1, retain: true } }),
  }
  const client = mqtt.connect(url, settings)
  const listeners = new Map<string, number>()
  let connected = false
  const tell = (now: boolean) => {
    if (now === connected) return
    connected = now
    for (const listener of [...status]) listener(now, now ? undefined : reason)
  }
  client.on('connect', () => {
    reason = undefined
    tell(true)
  })
  client.on('close', () => tell(false))
  client.on('error', (error) => {
    reason = error.message
    if ('code' in error && typeof error.code === 'number' && error.code > 0 && error.code < 6) {
      onRefused?.(error.message)
    }
  })
  client.on('message', (name, payload, packet) => mailbox.deliver(name, payload.toString(), packet.retain))

  /** QoS 1 messages the hub has not acknowledged: mqtt.js says nothing of them when it is ended. */
  const unsent = new Set<(error: Error) => void>()
  const send = (name: string, text: string, { qos, retain }: Channel): Promise<void> => {
    const bytes = Buffer.byteLength(text)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    // Not everyone who publishes waits for the hub: an error that nobody asks for must not end the process.
    promise.catch(() => {})
    if (bytes > MOST_BYTES) {
      reject(
        new TransportError(`${name}: ${bytes} bytes are too many for one message (at most ${MOST_BYTES})`),
      )
    } else if (qos === 0) {
      if (client.connected && !client.disconnecting) client.publish(name, text, { qos, retain })
      resolve()
    } else {
      unsent.add(reject)
      client.publish(name, text, { qos, retain }, (error) => {
        unsent.delete(reject)
        if (error) reject(new TransportError(`${name}: ${error.message}`, { cause: error }))
        else resolve()
      })
    }
    return promise
  }

  return {
    client: clientId,
    get connected() {
      return connected
    },
    get problem() {
      return reason
    },
    publish: <P extends string, S extends z.ZodType>(
      to: Channel<P, S>,
      address: Address<P>,
      payload: z.input<S>,
    ) => send(topic(to, address), JSON.stringify(payload), to),
    clear: <P extends string>(to: Channel<P>, address: Address<P>) => send(topic(to, address), '', to),
    async subscribe<P extends string, S extends z.ZodType>(
      to: Channel<P, S>,
      address: Partial<Address<P>>,
      listener: Listener<P, S>,
    ) {
      const filter = topic(to, address)
      const remove = mailbox.add(to, address, listener)
      let removed = false
      listeners.set(filter, (listeners.get(filter) ?? 0) + 1)
      // "resubscribe" is mqtt.js' own word for asking again: who comes second gets what is retained, too.
      const granted = client.subscribeAsync({ [filter]: { qos: to.qos }, resubscribe: true } as never)
      const drop = () => {
        remove()
        const left = (listeners.get(filter) ?? 1) - 1
        if (left > 0) listeners.set(filter, left)
        else listeners.delete(filter)
        return left
      }
      // Away from the hub, or when it dies meanwhile, mqtt.js asks when it is back; nobody waits for that.
      const refused = (error: Error) => {
        if (!connected || client.disconnecting) return
        drop()
        throw new TransportError(`the hub does not deliver ${filter}: ${error.message}`, { cause: error })
      }
      if (connected) await granted.catch(refused)
      else granted.catch((error: Error) => connected && options.onBad?.(filter, error.message))
      return {
        async [Symbol.asyncDispose]() {
          if (removed) return
          removed = true
          const left = drop()
          if (left > 0 || client.disconnecting) return
          const done = client.unsubscribeAsync(filter).catch(() => {})
          // Away from the hub the answer would be long in coming.
          if (connected) await within(GOODBYE_MS, done)
        },
      }
    },
    onConnected(listener) {
      status.add(listener)
      listener(connected)
      return { [Symbol.dispose]: () => status.delete(listener) }
    },
    async [Symbol.asyncDispose]() {
      // A hub that dies at the same moment must not keep anyone from stopping.
      await within(GOODBYE_MS, client.endAsync(!connected))
      client.end(true)
      for (const reject of unsent) reject(new TransportError('the connection to the hub was closed'))
      unsent.clear()
    },
  }
}

/** Waits for something for `ms` milliseconds at most. */
async function within(ms: number, what: Promise<unknown>): Promise<void> {
  const late = Promise.withResolvers<void>()
  const timer = setTimeout(late.resolve, ms)
  await Promise.race([what, late.promise])
  clearTimeout(timer)
}

/**
 * Waits until the hub is reached.
 * @throws TransportError when it is not within `seconds`, with the reason of the last attempt
 */
export function reached(bus: Bus, url: string, seconds: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      watch[Symbol.dispose]()
      const said = bus.problem ?? 'no answer'
      const why = PLAIN.find(([pattern]) => pattern.test(said))?.[1] ?? said
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
