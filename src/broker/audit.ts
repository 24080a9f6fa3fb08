import type { AuditEntry } from '../core/channels.ts'
import { redact, withoutSecrets } from '../core/redact.ts'
import { addressAlone } from '../principals/place.ts'
import { NOBODY, type Principal } from '../principals/principal.ts'
import type { Asked } from './caller-stamp.ts'

/** Characters of parameters that are kept. */
const MOST_PARAMS = 1024
/** Milliseconds in which the same refusal of the same address is one entry; kinds of refusals that are remembered. */
const QUIET_MS = 60_000
const MOST_KINDS = 1000
/** Entries that are at hand, at least. */
const MOST_LATEST = 500
/** What changes something; the rest is not kept. */
const ACTS = /(?:\.(?:start|stop|abort)|^(?:un)?lock)$/

/** Who did it: the parts of an entry that each has. */
export interface Actor {
  readonly principal: Principal
  readonly client: string
  /** Address with port. */
  readonly from: string
}

/** Who came, who was refused what, and who started, stopped and locked what. */
export class Audit {
  readonly #keep: (entry: AuditEntry) => void
  readonly #latest: AuditEntry[]
  readonly #refused = new Map<string, { since: number; times: number }>()

  /**
   * @param keep takes each entry as it comes
   * @param before what was kept before, the newest last
   */
  constructor(keep: (entry: AuditEntry) => void, before: readonly AuditEntry[] = []) {
    this.#keep = keep
    this.#latest = before.slice(-MOST_LATEST)
  }

  /** The latest entries, the newest last. */
  get latest(): readonly AuditEntry[] {
    return this.#latest
  }

  /** Somebody was let in, took an id over, or was cut as revoked. Who only looks on is not kept. */
  came(kind: 'login' | 'takeover' | 'revoked', actor: Actor, why?: string): void {
    if (kind !== 'login' || actor.principal !== NOBODY) this.#add({ kind, ...(why && { why }) }, actor)
  }

  /** Somebody was refused something; the same of one address is told once a minute, with how often it was meanwhile. */
  refused(actor: Actor, why: string): void {
    const key = `${addressAlone(actor.from)} ${actor.principal.name} ${why}`
    const now = performance.now()
    const before = this.#refused.get(key)
    if (before && now - before.since < QUIET_MS) {
      before.times++
      return
    }
    if (this.#refused.size >= MOST_KINDS) this.#refused.clear()
    this.#refused.set(key, { since: now, times: 0 })
    this.#add({ kind: 'refused', why, ...(before?.times && { times: before.times + 1 }) }, actor)
  }

  /** A request was handed on. */
  asked({ instance, what, request }: Asked, actor: Actor): void {
    if (!ACTS.test(what)) return
    const params = textOf(request['params'])
    this.#add({ kind: 'request', instance, what, ...(params && { params }) }, actor)
  }

  #add(more: Pick<AuditEntry, 'kind'> & Partial<AuditEntry>, { principal, client, from }: Actor): void {
    const who = { principal: principal.name, client, from }
    const entry = { time: Date.now() / 1000, ...more, ...who }
    this.#latest.push(entry)
    if (this.#latest.length >= 2 * MOST_LATEST) this.#latest.splice(0, MOST_LATEST)
    this.#keep(entry)
  }
}

/** Parameters as text, without what is secret. */
function textOf(params: unknown): string {
  if (typeof params !== 'object' || params === null || Object.keys(params).length === 0) return ''
  const text = redact(JSON.stringify(withoutSecrets(params)))
  return text.length > MOST_PARAMS ? `${text.slice(0, MOST_PARAMS - 1)}…` : text
}
