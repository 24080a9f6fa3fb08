import { hostname } from 'node:os'
import type { z } from 'zod'
import { channels, type Request } from '../core/channels.ts'
import { isLoopback } from '../core/host-port.ts'
import { addressOf } from '../core/topic.ts'
import { addressAlone } from '../principals/place.ts'
import type { Principal } from '../principals/principal.ts'
import { objectIn } from './object-in.ts'

/**
 * A request or query: its topic and its content; undefined if it is not a request under the sender's own id.
 */
export interface Asked {
  readonly instance: string
  /** For example `acq.start` or `lock`. */
  readonly what: string
  readonly request: Readonly<Record<string, unknown>>
}

/**
 * The request in a message; undefined for another kind of message, `null` if it is not a JSON object, or
 * nested too deep to be written again.
 */
export function askedBy(sent: {
  readonly topic: string
  readonly payload: string | Uint8Array
}): Asked | undefined | null {
  const act = addressOf(channels.request, sent.topic)
  const question = act === undefined ? addressOf(channels.query, sent.topic) : undefined
  const found = act ?? question
  if (found === undefined) return undefined
  const request = objectIn(sent.payload)
  if (request === undefined) return null
  const what = act === undefined ? (question?.query ?? '') : `${act.op}.${act.action}`
  return { instance: found.instance, what, request }
}

/**
 * The text of a request with the hub's own statement of who asks, replacing the client's; without one on a
 * hub that is open to everybody.
 */
export function stamped(asked: Asked | null, principal: Principal | undefined, from: string): Buffer {
  const { caller: _, ...request } = asked?.request ?? {}
  if (asked === null) return Buffer.from('null')
  const caller = principal && callerOf(principal, from)
  return Buffer.from(JSON.stringify({ ...request, ...(caller && { caller }) }))
}

/** Read once: asking the system takes a twentieth of the hub's time for a call. */
const HOST = hostname()

/** The caller as described to agents. */
function callerOf({ name, level }: Principal, from: string): z.input<typeof Request>['caller'] {
  const host = addressAlone(from)
  return { principal: name, level, from: `${name}@${isLoopback(host) ? HOST : host}`.slice(0, 200) }
}
