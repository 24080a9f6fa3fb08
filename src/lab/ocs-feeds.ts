import type { Bus } from '../bus/bus.ts'
import { channels, feedAddress } from '../core/channels.ts'
import { aggParams, type OcsMessage, type OcsTopic } from '../core/ocs.ts'
import { OpCode } from '../core/ops.ts'
import type { LabView } from './lab-view.ts'

/** Whether a dotted address is meant by a topic. */
export function isMeant({ topic, match }: OcsTopic, address: string): boolean {
  if (match === 'exact') return topic === address
  if (match === 'prefix') return address.startsWith(topic)
  const [wanted, words] = [topic.split('.'), address.split('.')]
  return wanted.length === words.length && wanted.every((word, i) => word === '' || word === words[i])
}

/** The feed by which agents of OCS say that they live, and what their operations do: made of what is known of them here. */
const HEARTBEAT = 'heartbeat'
const BEAT_MS = 1000

/**
 * Hears what feeds publish from now on, whose addresses a topic means (`ocs_feed.Feed.publish_message`, ocs 0.12.1), and once a
 * second the heartbeats of agents that live.
 */
export async function listenOcs(
  bus: Bus,
  root: string,
  view: Pick<LabView, 'instances'>,
  topic: OcsTopic,
  heard: (message: OcsMessage) => void,
): Promise<AsyncDisposable> {
  const about = (instance: string, feed: string): OcsMessage['feed'] => {
    const { api, presence } = view.instances.get(instance) ?? {}
    const declared = api?.feeds[feed]
    return {
      agent_address: `${root}.${instance}`,
      agg_params: aggParams(declared),
      feed_name: feed,
      address: feedAddress(root, instance, feed),
      record: declared?.record ?? feed !== HEARTBEAT,
      session_id: presence?.session,
      agent_class: api?.agent_class,
    }
  }
  const wants = (instance: string, feed: string) => isMeant(topic, feedAddress(root, instance, feed))
  const rows = await bus.subscribe(channels.feed, { root }, ({ block, t, data }, { instance, feed }) => {
    if (!wants(instance, feed)) return
    const fields = view.instances.get(instance)?.api?.feeds[feed]?.blocks[block] ?? {}
    const types = Object.fromEntries(Object.entries(fields).map(([name, { type }]) => [name, type]))
    const tagged = Object.entries(fields).filter(([, { influxdb_tags: tags }]) => tags !== undefined)
    const tags = Object.fromEntries(tagged.map(([name, { influxdb_tags: of = {} }]) => [name, of]))
    const influxdb = tagged.length > 0 ? { influxdb_tags: tags } : {}
    const blocks = { [block]: { block_name: block, timestamps: t, data, types, ...influxdb } }
    heard({ blocks, feed: about(instance, feed) })
  })
  const messages = await bus.subscribe(channels.message, { root }, ({ message }, { instance, feed }) => {
    if (wants(instance, feed)) heard({ message, feed: about(instance, feed) })
  })
  const beat = setInterval(() => {
    for (const [instance, { state, api, sessions }] of view.instances) {
      if (state !== 'online' || !api || !wants(instance, HEARTBEAT)) continue
      const codes = Object.keys(api.ops).map((op) => [op, sessions.get(op)?.op_code ?? OpCode.NONE])
      heard({ message: Object.fromEntries(codes), feed: about(instance, HEARTBEAT) })
    }
  }, BEAT_MS)
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(beat)
      await rows[Symbol.asyncDispose]()
      await messages[Symbol.asyncDispose]()
    },
  }
}
