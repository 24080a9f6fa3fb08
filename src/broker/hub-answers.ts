import { z } from 'zod'
import { AUDIT_QUERY, MOST_AUDITED } from '../core/built-in.ts'
import { type AuditEntry, channels, Request } from '../core/channels.ts'
import { HUB } from '../core/names.ts'
import { topic } from '../core/topic.ts'
import { described, type Principal } from '../principals/principal.ts'
import type { Asked } from './caller-stamp.ts'
import type { Caller } from './rules.ts'

const Params = z.object({
  limit: z.int().min(1).max(MOST_AUDITED).default(100),
  /** Only entries about this instance. */
  instance: z.string().optional(),
})

/**
 * The hub's answer to its own query: the audit log, for administrators, the newest entry last. Undefined if
 * the query is not the hub's.
 * @param kept the entries, the newest last
 */
export function hubAnswer(
  root: string,
  { instance, what, request }: Asked,
  { id, roles }: Caller,
  principal: Principal,
  kept: readonly AuditEntry[],
) {
  if (instance !== HUB) return undefined
  const asked = Request.safeParse(request)
  if (!asked.success) return undefined
  const say = (status: 0 | -1, msg: string, result?: object) => {
    const { qos, retain, payload } = channels.reply
    const reply = payload.parse({ id: asked.data.id, status, msg, session: {}, ...(result && { result }) })
    return {
      ...({ cmd: 'publish', qos, retain, dup: false } as const),
      topic: topic(channels.reply, { root, instance: HUB, client: id, id: asked.data.id }),
      payload: JSON.stringify(reply),
    }
  }
  if (what !== AUDIT_QUERY)
    return say(-1, `the hub has no ${what.slice(0, 63)}: it answers the query ${AUDIT_QUERY}`)
  if (!roles.has('admin'))
    return say(
      -1,
      `the audit log is for administrators, and you are ${described(principal)} here: ocs hub passwd NAME --role admin`,
    )
  const params = Params.safeParse(asked.data.params)
  if (!params.success) return say(-1, `limit: 1 to ${MOST_AUDITED}; instance: a name`)
  const { limit, instance: of } = params.data
  const entries = kept.filter((entry) => of === undefined || entry.instance === of).slice(-limit)
  return say(0, '', { entries })
}
