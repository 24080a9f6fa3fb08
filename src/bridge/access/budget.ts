import type { Context, MiddlewareHandler } from 'hono'
import { Bucket, OfEach } from '../../principals/bucket.ts'
import { badRequest } from '../http.ts'
import { addressOf, type Env } from './guard.ts'

/** Texts that one is written out to at most, wherever that is done. */
const MOST_TEXTS = 1000
/** Characters that an address may have written out at once, and each second from then on: a third of a second's work, and a tenth. */
const [AT_ONCE, PER_SECOND] = [2_000_000, 500_000]
/** Addresses that are remembered. */
const MOST_KNOWN = 10_000

/**
 * How many characters it takes, about, to write out the alternatives of a text: `{a,b}` of Graphite, `(a|b)` of Grafana's
 * variables, each with each. Told in one pass, without writing any.
 */
export function costOf(text: string): number {
  let [texts, length, groups] = [1, 0, 0]
  const stack: { alternatives: number; from: number }[] = []
  for (let at = 0; at < text.length; at++) {
    const mark = text[at]
    if (mark === '\\') at++
    else if (mark === '{' || mark === '(') stack.push({ alternatives: 1, from: at })
    else if (mark === ',' || mark === '|') {
      const group = stack.at(-1)
      if (group) group.alternatives++
    } else if (mark === '}' || mark === ')') {
      const group = stack.pop()
      if (!group || group.alternatives === 1) continue
      groups++
      texts = Math.min(MOST_TEXTS, texts * group.alternatives)
      const inside = at - group.from
      length += inside / group.alternatives - inside
    }
  }
  return text.length + (groups === 0 ? 0 : texts * (Math.max(0, text.length + length) + groups))
}

/** What addresses may still have written out. @param now the monotonic clock, ms */
export function budgets(now?: () => number): OfEach<Bucket> {
  return new OfEach(MOST_KNOWN, () => new Bucket(PER_SECOND, AT_ONCE, now))
}

/** Refuses a request before its work is done when its names take more than its address has left. */
export function withinBudget(all = budgets()): MiddlewareHandler<Env> {
  return async (c, next) => {
    const body = c.req.method === 'POST' ? await bodyOf(c) : ''
    const isForm = c.req.path.startsWith('/graphite/')
    const texts = [
      ...new URL(c.req.url).searchParams.values(),
      ...(isForm ? new URLSearchParams(body).values() : textsIn(body)),
    ]
    const cost = texts.reduce((sum, text) => sum + costOf(text), 0)
    if (all.of(addressOf(c)).take(cost)) return next()
    return c.json({ error: 'too many names to expand: use fewer alternatives in {…} and (…|…)' }, 429)
  }
}

/** @throws HTTPException 400 for a body that does not come whole */
async function bodyOf(c: Context): Promise<string> {
  try {
    return await c.req.text()
  } catch {
    throw badRequest('the request body is incomplete')
  }
}

/** All texts in JSON, however deep; none where it is none, which is told elsewhere. */
function textsIn(json: string): string[] {
  const texts: string[] = []
  let rest: unknown[]
  try {
    rest = [JSON.parse(json || 'null')]
  } catch {
    return []
  }
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    if (typeof next === 'string') texts.push(next)
    else if (typeof next === 'object' && next !== null) for (const one of Object.values(next)) rest.push(one)
  }
  return texts
}
