import type { PublishPacket } from 'aedes'
import { channels, Presence } from '../core/channels.ts'
import { addressOf } from '../core/topic.ts'

/**
 * A last will as it is published. That of an agent was written when the agent came, and is kept for those who look later:
 * the hub adds when it noticed, which nobody else can say. Another's is as it was left.
 */
export function withTime(root: string, { topic, payload }: Pick<PublishPacket, 'topic' | 'payload'>) {
  if (addressOf(channels.presence, topic)?.root !== root) return payload
  try {
    const said = Presence.parse(JSON.parse(String(payload)))
    return said.state === 'lost' ? Buffer.from(JSON.stringify({ ...said, left: Date.now() / 1000 })) : payload
  } catch {
    return payload
  }
}
