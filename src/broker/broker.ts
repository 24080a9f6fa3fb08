import { Aedes, type Client } from 'aedes'
import { writeToStream } from 'mqtt-packet'
import { type openGate, Refusal } from './access-control.ts'
import { limits } from './limits.ts'
import { rememberMatches } from './remembered-matches.ts'
import type { Retained } from './retained.ts'
import { clip } from './rules.ts'
import { SubscribeOrder } from './subscribe-order.ts'

/**
 * The broker behind a hub's gate. A fault of one connection or client is logged and affects no other.
 * @param from the address of a client
 */
export async function openBroker(
  { hooks }: ReturnType<typeof openGate>,
  retained: Retained,
  log: (text: string) => void,
  from: (client: Client) => string,
): Promise<Aedes> {
  // Otherwise it keeps 65,536 numbers ready, 4 to 7 MB.
  writeToStream.cacheNumbers = false
  const order = new SubscribeOrder()
  retained.onStream = (stream) => order.sends(stream)
  const broker = await Aedes.createBroker({
    ...hooks,
    authorizeSubscribe: (client, subscription, done) =>
      order.after(client, () => hooks.authorizeSubscribe?.(client, subscription, done)),
    persistence: retained,
    connectTimeout: limits.connect_timeout * 1000,
    drainTimeout: 2000,
    maxTopicLevels: limits.topic_levels,
    maxInflightInbound: 20,
  })
  rememberMatches(broker)
  broker.setMaxListeners(0)
  broker.on('subscribe', (_, client) => order.granted(client))
  broker.on('error' as 'closed', ((error: Error) => log(`hub: ${error.message}`)) as () => void)
  broker.on('connectionError', (client, error) => log(`connection from ${from(client)} cut: ${say(error)}`))
  broker.on('clientError', (client, error) => {
    if (!(error instanceof Refusal)) log(`client ${clip(client.id)} cut: ${say(error)}`)
  })
  return broker
}

/** An error's message for users: Aedes's own is replaced if a user can solve the problem. */
function say({ message }: Error): string {
  if (message === 'unacceptable protocol version')
    return 'it does not speak MQTT 3.1.1, the version served here'
  if (message === 'connect did not arrive in time') return `no CONNECT within ${limits.connect_timeout} s`
  return message
}
