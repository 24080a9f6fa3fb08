import type { PublishPacket } from 'aedes'
import { channels, Presence } from '../core/channels.ts'
import { addressOf } from '../core/topic.ts'
import { parseBounded } from '../core/wire.ts'

/** What the last will of an agent, its presence, says of it; undefined for any other message. */
export function presenceIn({
  topic,
  payload,
}: Pick<PublishPacket, 'topic' | 'payload'>): Presence | undefined {
  if (addressOf(channels.presence, topic) === undefined) return undefined
  try {
    return Presence.parse(parseBounded(String(payload)))
  } catch {
    return undefined
  }
}

/**
 * A last will as it is published. That of an agent was written when the agent came, and is kept for those who look later:
 * the hub adds when it noticed, which nobody else can say. Another's is as it was left.
 */
export function withTime(root: string, will: Pick<PublishPacket, 'topic' | 'payload'>) {
  const said = addressOf(channels.presence, will.topic)?.root === root ? presenceIn(will) : undefined
  return said?.state === 'lost'
    ? Buffer.from(JSON.stringify({ ...said, left: Date.now() / 1000 }))
    : will.payload
}
