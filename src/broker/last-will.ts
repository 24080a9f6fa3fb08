import type { PublishPacket } from 'aedes'
import { channels, Presence } from '../core/channels.ts'
import { addressOf } from '../core/topic.ts'
import { parseBounded } from '../core/wire.ts'

/** The data of an agent in its last will, the presence; undefined for any other message. */
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
 * A last will as published. An agent wrote its will when it connected, and the will is retained for later
 * readers, so the hub adds the time when it noticed the loss, which only the hub knows. Other wills are
 * published unchanged.
 */
export function withTime(root: string, will: Pick<PublishPacket, 'topic' | 'payload'>) {
  const said = addressOf(channels.presence, will.topic)?.root === root ? presenceIn(will) : undefined
  return said?.state === 'lost'
    ? Buffer.from(JSON.stringify({ ...said, left: Date.now() / 1000 }))
    : will.payload
}
