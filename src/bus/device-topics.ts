import { messageOf } from '../core/errors.ts'
import type { DeviceMessage, DeviceSubscription } from '../core/lab.ts'
import { type MqttOptions, openClient } from './mqtt.ts'

/** Longest message that is read, in bytes: a longer one is not a reading. */
const MAX_BYTES = 64 * 1024
/** Milliseconds between attempts to subscribe to topics that the broker has refused. */
const RETRY_MS = 10_000

/**
 * Subscribes to topics of devices (no wildcards) until closed, over a separate connection, so that trouble
 * there never affects the agent's. It reconnects by itself.
 * @throws ConfigError for credentials that cannot be used
 */
export function subscribeDevices(
  options: Pick<MqttOptions, 'url' | 'client' | 'credentials'>,
  topics: readonly string[],
  onMessage: (message: DeviceMessage) => void,
): DeviceSubscription {
  const { client, status } = openClient(options)
  const refused = new Map<string, string>()
  const ask = (topic: string) =>
    client.subscribeAsync({ [topic]: { qos: 0 } }).then(
      () => refused.delete(topic),
      (error: unknown) => status.connected && refused.set(topic, messageOf(error)),
    )
  client.on('message', (topic, payload, { retain }) => {
    const text = payload.length > MAX_BYTES ? undefined : payload.toString()
    onMessage({ topic, text, bytes: payload.length, retained: retain })
  })
  client.on('connect', () => {
    for (const topic of topics) void ask(topic)
  })
  const again = setInterval(() => {
    if (status.connected) for (const topic of refused.keys()) void ask(topic)
  }, RETRY_MS)
  return {
    problem() {
      if (!status.connected) return `cannot reach ${options.url}: ${status.problem?.text ?? 'no answer yet'}`
      const [first] = refused
      if (first === undefined) return undefined
      const more = refused.size > 1 ? `, and ${refused.size - 1} more` : ''
      return `${options.url} does not deliver ${first[0]}${more} (${first[1]}): grant it with device_topics in the site file, if this is an ocs hub`
    },
    async close() {
      clearInterval(again)
      await client.endAsync(true)
    },
  }
}
