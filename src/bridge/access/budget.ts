import type { Context, MiddlewareHandler } from 'hono'
import { Bucket, OfEach } from '../../principals/bucket.ts'
import { badRequest } from '../http.ts'
import { addressOf, type Env } from './guard.ts'

/** Maximum number of texts that any one text expands to. */
const MOST_TEXTS = 1000
/**
 * Characters of expansion that an address may use at once, and per second after that: a third and a tenth of
 * a second's work.
 */
const [AT_ONCE, PER_SECOND] = [2_000_000, 500_000]
/** Number of addresses that are remembered. */
const MOST_KNOWN = 10_000

/**
 * The approximate number of characters in the expansion of a text: `{a,b}` of Graphite, `(a|b)` of Grafana's
 * variables, every combination. Computed in one pass, without expanding.
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

/** The remaining budget of each address. @param now the monotonic clock, ms */
export function budgets(now?: () => number): OfEach<Bucket> {
  return new OfEach(MOST_KNOWN, () => new Bucket(PER_SECOND, AT_ONCE, now))
}

/**
 * Refuses a request, before any work is done, if expanding its names takes more than its address has left.
 */
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

/** @throws HTTPException 400 for a body that arrives incomplete */
async function bodyOf(c: Context): Promise<string> {
  try {
    return await c.req.text()
  } catch {
    throw badRequest('the request body is incomplete')
  }
}

/** All texts in JSON, at any depth; empty if it is not JSON, which is reported elsewhere. */
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
