import type { AuditEntry } from '../core/channels.ts'
import { redact, withoutSecrets } from '../core/redact.ts'
import { Bucket, OfEach } from '../principals/bucket.ts'
import { placeOf } from '../principals/place.ts'
import { NOBODY, type Principal } from '../principals/principal.ts'
import type { Asked } from './caller-stamp.ts'

/** Characters of parameters that are kept. */
const MOST_PARAMS = 1024
/** Characters of a reason. */
const MOST_WHY = 1000
/** Milliseconds in which the same refusal of the same address is one entry; kinds of refusals that are remembered. */
const QUIET_MS = 60_000
const MOST_KINDS = 1000
/**
 * Kinds of refusals of one address that are kept at once, and in a second after that: whoever makes up a name for each would
 * wash the rest out of the file, and fill the log. Addresses that are remembered.
 */
const [KINDS_AT_ONCE, KINDS_PER_SECOND] = [100, 0.5]
const MOST_PLACES = 10_000
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
  readonly #places = new OfEach(MOST_PLACES, () => ({
    room: new Bucket(KINDS_PER_SECOND, KINDS_AT_ONCE),
    left: 0,
  }))
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

  /**
   * Somebody was refused something; the same of one address is told once a minute, with how often it was meanwhile.
   * @returns false when that address is refused so many things that they are not kept
   */
  refused(actor: Actor, why: string): boolean {
    const place = placeOf(actor.from)
    const key = `${place} ${actor.principal.name} ${why}`
    const now = performance.now()
    const before = this.#refused.get(key)
    if (before && now - before.since < QUIET_MS) {
      before.times++
      return true
    }
    const of = this.#places.of(place)
    if (!of.room.take(1)) {
      of.left++
      return false
    }
    const more = of.left > 0 ? `; ${of.left} other refusals of that address are not recorded` : ''
    of.left = 0
    if (this.#refused.size >= MOST_KINDS) this.#refused.clear()
    this.#refused.set(key, { since: now, times: 0 })
    this.#add(
      { kind: 'refused', why: `${why}${more}`, ...(before?.times && { times: before.times + 1 }) },
      actor,
    )
    return true
  }

  /** A request was handed on. */
  asked({ instance, what, request }: Asked, actor: Actor): void {
    if (!ACTS.test(what)) return
    const params = textOf(request['params'])
    this.#add({ kind: 'request', instance, what, ...(params && { params }) }, actor)
  }

  #add(more: Pick<AuditEntry, 'kind'> & Partial<AuditEntry>, { principal, client, from }: Actor): void {
    const { why, what } = more
    const entry = {
      ...{ time: Date.now() / 1000, ...more, principal: principal.name, client: client.slice(0, 200), from },
      // Whatever a stranger writes: an entry that is too long for its readers would hide what it tells.
      ...(why !== undefined && { why: why.slice(0, MOST_WHY) }),
      ...(what !== undefined && { what: what.slice(0, 200) }),
    }
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
