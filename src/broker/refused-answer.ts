import type { Level } from '../core/access.ts'
import { channels, Request } from '../core/channels.ts'
import { addressOf, topic } from '../core/topic.ts'
import { parseBounded } from '../core/wire.ts'
import { ANYONE, described, NOBODY, type Principal } from '../principals/principal.ts'
import { type Caller, clip } from './rules.ts'

/** Requests that change nothing only need the right to read. */
const LEAST: Level = 1

/**
 * Whether the hub knows a principal: for a known one a forbidden message is dropped, others are disconnected.
 */
export function isKnown(principal: Principal): boolean {
  return principal !== NOBODY && principal !== ANYONE && principal.role !== 'newcomer'
}

/** The notice to a client that has published what it may not. */
export function refusedNotice(root: string, client: string, sent: { readonly topic: string }, why: string) {
  const { qos, retain, payload } = channels.refused
  const told = payload.parse({
    ...{ time: Date.now() / 1000, topic: sent.topic.slice(0, 1000), why: why.slice(0, 1000) },
  })
  return {
    ...({ cmd: 'publish', qos, retain, dup: false } as const),
    topic: topic(channels.refused, { root, client }),
    payload: JSON.stringify(told),
  }
}

/**
 * The hub's answer, in an agent's place, to a request that it does not forward: who the caller is, what it
 * may do, and the command that changes it. Undefined if the message is not a request under the client's own
 * id.
 */
export function refusedAnswer(
  sent: { readonly topic: string; readonly payload: string | Uint8Array },
  { id }: Caller,
  principal: Principal,
) {
  const found = addressOf(channels.request, sent.topic) ?? addressOf(channels.query, sent.topic)
  if (found === undefined || found.client !== id) return undefined
  const asked = readId(sent.payload)
  if (asked === undefined) return undefined
  const { root, instance } = found
  const msg =
    `Not done: here you are ${described(principal)} and may only read (client ${clip(id)}); this needs an operator. ` +
    `Whoever runs the hub can make you one: ocs hub passwd NAME --role operator:${LEAST}; then: ocs login NAME`
  const { qos, retain, payload } = channels.reply
  const reply = payload.parse({ id: asked, status: -1, msg, kind: 'level', session: {} })
  return {
    ...({ cmd: 'publish', qos, retain, dup: false } as const),
    topic: topic(channels.reply, { root, instance, client: id, id: asked }),
    payload: JSON.stringify(reply),
  }
}

function readId(payload: string | Uint8Array): string | undefined {
  try {
    return Request.parse(parseBounded(String(payload))).id
  } catch {
    return undefined
  }
}
