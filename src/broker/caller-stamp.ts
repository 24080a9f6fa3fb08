import { hostname } from 'node:os'
import type { z } from 'zod'
import { channels, type Request } from '../core/channels.ts'
import { isLoopback } from '../core/host-port.ts'
import { addressOf } from '../core/topic.ts'
import { addressAlone } from '../principals/place.ts'
import type { Principal } from '../principals/principal.ts'
import { objectIn } from './object-in.ts'

/** A request or query as its topic addresses it, and what it says; undefined for what is none of the caller's own. */
export interface Asked {
  readonly instance: string
  /** `acq.start`, `lock`. */
  readonly what: string
  readonly request: Readonly<Record<string, unknown>>
}

/** The request that a message is; undefined for another message, `null` for one that is no JSON object, or too deep to be written again. */
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

/** Its text with the hub's own word on who asks, in place of whatever the client says there; none of everybody. */
export function stamped(asked: Asked | null, principal: Principal | undefined, from: string): Buffer {
  const { caller: _, ...request } = asked?.request ?? {}
  if (asked === null) return Buffer.from('null')
  const caller = principal && callerOf(principal, from)
  return Buffer.from(JSON.stringify({ ...request, ...(caller && { caller }) }))
}

/** Asked once: the system's answer takes a twentieth of what a hub does for a call. */
const HOST = hostname()

/** What agents are told of a client. */
function callerOf({ name, level }: Principal, from: string): z.input<typeof Request>['caller'] {
  const host = addressAlone(from)
  return { principal: name, level, from: `${name}@${isLoopback(host) ? HOST : host}`.slice(0, 200) }
}
