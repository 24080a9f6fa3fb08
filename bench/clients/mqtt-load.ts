/**
 * Publishes or receives feed messages over MQTT: `mqtt-load.ts pub|sub URL TOPIC QOS CONNECTIONS`. Prints
 * `ready`; then, for each input line `{"messages": N, "hertz": H}`, one line of JSON: the messages sent, or
 * received with their times.
 */

import mqtt, { type MqttClient } from 'mqtt'
import { findCredentials } from '../../src/principals/credentials.ts'
import { serveOrders } from '../orders.ts'
import { feedMessage } from './feed-message.ts'

interface Order {
  readonly messages: number
  /** 0: as fast as possible. */
  readonly hertz: number
}
/** Maximum number of messages in flight. */
const WINDOW = 200
/** Milliseconds without a message after which the rest counts as lost. */
const PATIENCE = 20_000

const [mode = '', url = '', topic = '', quality = '', connections = '1'] = process.argv.slice(2)
const qos = quality === '1' ? 1 : 0
const now = () => performance.timeOrigin + performance.now()
// Anyone may subscribe; the publisher is an agent.
const known = findCredentials({ url, realm: 'test_realm', env: process.env })
const shown = mode === 'pub' ? known : undefined
const user = shown && { username: shown.principal, password: shown.tokens.join('.') }
const trust = known?.ca === undefined ? {} : { ca: known.ca }
const connect = (clientId: string): Promise<MqttClient> =>
  mqtt.connectAsync(url, {
    ...user,
    ...trust,
    clientId,
    protocolVersion: 4,
    clean: true,
    keepalive: 30,
    reconnectPeriod: 0,
  })

async function publish(): Promise<void> {
  const [, instance = ''] = topic.split('/')
  const client = await connect(instance)
  let seq = 0
  await serveOrders<Order>(async ({ messages, hertz }) => {
    const begun = now()
    if (hertz > 0) {
      for (let i = 0; i < messages; i++) {
        const wait = begun + (1000 * i) / hertz - now()
        if (wait > 0) await Bun.sleep(wait)
        client.publish(topic, feedMessage(++seq, now() / 1000), { qos })
      }
    } else {
      await flood(client, messages, () => feedMessage(++seq, now() / 1000))
    }
    return { sent: messages, begun, took: now() - begun }
  })
}

function flood(client: MqttClient, messages: number, message: () => string): Promise<void> {
  return new Promise((resolve, reject) => {
    let [sent, done] = [0, 0]
    const next = () => {
      while (sent < messages && sent - done < WINDOW) {
        sent++
        client.publish(topic, message(), { qos }, (error) => {
          if (error) return reject(error)
          done++
          if (done === messages) resolve()
          else if (sent - done < WINDOW / 2) next()
        })
      }
    }
    next()
  })
}

async function subscribe(): Promise<void> {
  let came: (payload: Buffer) => void = () => {}
  for (let i = 0; i < Number(connections); i++) {
    const client = await connect(`listener-${i}`)
    client.on('message', (_, payload) => came(payload))
    await client.subscribeAsync(topic, { qos })
  }
  await serveOrders<Order>(
    ({ messages, hertz }) =>
      new Promise((resolve) => {
        const wanted = messages * Number(connections)
        let [count, first, last] = [0, 0, 0]
        const lags: number[] = []
        const done = () => {
          clearInterval(timer)
          came = () => {}
          resolve({ count, first, last, lags })
        }
        const begun = now()
        const timer = setInterval(() => {
          if (now() - Math.max(last, begun) > PATIENCE) done()
        }, 100)
        came = (payload) => {
          const { t } = JSON.parse(payload.toString()) as { t: number[] }
          last = now()
          if (count++ === 0) first = last
          if (hertz > 0) lags.push(last - 1000 * (t[0] ?? 0))
          if (count === wanted) done()
        }
      }),
  )
}

await (mode === 'pub' ? publish() : subscribe())
