import type { DeviceMessage, DeviceTopics } from '../core/agent.ts'
import { messageOf } from '../core/errors.ts'
import { type MqttOptions, openClient } from './mqtt.ts'

/** Bytes of a message of a device that are looked at: more is no reading. */
const MOST_BYTES = 64 * 1024
/** Milliseconds after which what a broker has refused to deliver is asked for again. */
const AGAIN_MS = 10_000

/**
 * Hears what devices publish on these topics, none of them a filter with wildcards, until closed; over a connection of its own, so
 * that what they do there never reaches the agent's. Comes back by itself.
 * @throws ConfigError for credentials that cannot be used
 */
export function hearDevices(
  options: Pick<MqttOptions, 'url' | 'client' | 'credentials'>,
  topics: readonly string[],
  heard: (message: DeviceMessage) => void,
): DeviceTopics {
  const { client, status } = openClient(options)
  const refused = new Map<string, string>()
  const ask = (topic: string) =>
    client.subscribeAsync({ [topic]: { qos: 0 } }).then(
      () => refused.delete(topic),
      (error: unknown) => status.connected && refused.set(topic, messageOf(error)),
    )
  client.on('message', (topic, payload, { retain }) => {
    const text = payload.length > MOST_BYTES ? undefined : payload.toString()
    heard({ topic, text, bytes: payload.length, retained: retain })
  })
  client.on('connect', () => {
    for (const topic of topics) void ask(topic)
  })
  const again = setInterval(() => {
    if (status.connected) for (const topic of refused.keys()) void ask(topic)
  }, AGAIN_MS)
  return {
    problem() {
      if (!status.connected)
        return `${options.url} is not reached: ${status.problem?.text ?? 'no answer yet'}`
      const [first] = refused
      if (first === undefined) return undefined
      const more = refused.size > 1 ? `, and ${refused.size - 1} more` : ''
      return `${options.url} does not deliver ${first[0]}${more} (${first[1]}): is it granted, by device_topics of the site file on an ocs hub?`
    },
    async close() {
      clearInterval(again)
      await client.endAsync(true)
    },
  }
}
