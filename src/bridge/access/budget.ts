import type { Context, MiddlewareHandler } from 'hono'
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

/** What addresses may still have written out. */
export class Budget {
  readonly #now: () => number
  readonly #left = new Map<string, { readonly left: number; readonly at: number }>()

  /** @param now the monotonic clock, ms */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Whether an address has this much left; then it is spent. */
  spend(address: string, cost: number): boolean {
    const now = this.#now()
    const before = this.#left.get(address) ?? { left: AT_ONCE, at: now }
    const left = Math.min(AT_ONCE, before.left + ((now - before.at) / 1000) * PER_SECOND)
    const may = cost <= left
    this.#left.delete(address)
    this.#left.set(address, { left: may ? left - cost : left, at: now })
    if (this.#left.size > MOST_KNOWN) this.#left.delete([...this.#left.keys()][0] ?? '')
    return may
  }
}

/** Refuses a request before its work is done when its names take more than its address has left. */
export function withinBudget(budget = new Budget()): MiddlewareHandler<Env> {
  return async (c, next) => {
    const body = c.req.method === 'POST' ? await bodyOf(c) : ''
    const isForm = c.req.path.startsWith('/graphite/')
    const texts = [
      ...new URL(c.req.url).searchParams.values(),
      ...(isForm ? new URLSearchParams(body).values() : textsIn(body)),
    ]
    const cost = texts.reduce((sum, text) => sum + costOf(text), 0)
    if (budget.spend(addressOf(c), cost)) return next()
    return c.json(
      { error: 'too many names to write out: fewer alternatives in {…} and (…|…), or not so often' },
      429,
    )
  }
}

/** @throws HTTPException 400 for a body that does not come whole */
async function bodyOf(c: Context): Promise<string> {
  try {
    return await c.req.text()
  } catch {
    throw badRequest('the body did not come whole')
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
