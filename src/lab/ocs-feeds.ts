import type { Bus } from '../bus/bus.ts'
import { channels, feedAddress } from '../core/channels.ts'
import type { OcsMessage, OcsTopic } from '../core/ocs.ts'
import type { LabView } from './lab-view.ts'

/** Whether a dotted address is meant by a topic. */
export function isMeant({ topic, match }: OcsTopic, address: string): boolean {
  if (match === 'exact') return topic === address
  if (match === 'prefix') return address.startsWith(topic)
  const [wanted, words] = [topic.split('.'), address.split('.')]
  return wanted.length === words.length && wanted.every((word, i) => word === '' || word === words[i])
}

/** Hears what feeds publish from now on, whose addresses a topic means (`ocs_feed.Feed.publish_message`, ocs 0.12.1). */
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
      agg_params: { frame_length: declared?.frame_length },
      feed_name: feed,
      address: feedAddress(root, instance, feed),
      record: declared?.record ?? true,
      session_id: presence?.session,
      agent_class: api?.agent_class,
    }
  }
  const wants = (instance: string, feed: string) => isMeant(topic, feedAddress(root, instance, feed))
  const rows = await bus.subscribe(channels.feed, { root }, ({ block, t, data }, { instance, feed }) => {
    if (!wants(instance, feed)) return
    const fields = view.instances.get(instance)?.api?.feeds[feed]?.blocks[block] ?? {}
    const types = Object.fromEntries(Object.entries(fields).map(([name, { type }]) => [name, type]))
    const blocks = { [block]: { block_name: block, timestamps: t, data, types } }
    heard({ blocks, feed: about(instance, feed) })
  })
  const messages = await bus.subscribe(channels.message, { root }, ({ message }, { instance, feed }) => {
    if (wants(instance, feed)) heard({ message, feed: about(instance, feed) })
  })
  return {
    async [Symbol.asyncDispose]() {
      await rows[Symbol.asyncDispose]()
      await messages[Symbol.asyncDispose]()
    },
  }
}
