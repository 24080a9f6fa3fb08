import type { AuditEntry } from '../core/channels.ts'
import { redact, withoutSecrets } from '../core/redact.ts'
import { Bucket, OfEach } from '../principals/bucket.ts'
import { placeOf } from '../principals/place.ts'
import { NOBODY, type Principal } from '../principals/principal.ts'
import type { Asked } from './caller-stamp.ts'

/** Longest text of parameters, in characters. */
const MOST_PARAMS = 1024
/** Longest reason, in characters. */
const MOST_WHY = 1000
/**
 * Milliseconds in which repeated refusals of an address are one entry; the most kinds of refusals remembered.
 */
const QUIET_MS = 60_000
const MOST_KINDS = 1000
/**
 * Kinds of refusals recorded per address: a burst, and the rate after it, per second. Without this limit a
 * client that invents a new name each time would push all other entries out of the file, and fill the log.
 * Also the most addresses remembered.
 */
const [KINDS_AT_ONCE, KINDS_PER_SECOND] = [100, 0.5]
const MOST_PLACES = 10_000
/** Entries kept in memory, at least. */
const MOST_LATEST = 500
/** Requests that change something; others are not recorded. */
const ACTS = /(?:\.(?:start|stop|abort)|^(?:un)?lock)$/

/** The client that did it: these parts are in every entry. */
export interface Actor {
  readonly principal: Principal
  readonly client: string
  /** Address and port. */
  readonly from: string
}

/** Records who logged in, who was refused what, and who started, stopped and locked what. */
export class Audit {
  readonly #keep: (entry: AuditEntry) => void
  readonly #latest: AuditEntry[]
  readonly #places = new OfEach(MOST_PLACES, () => ({
    room: new Bucket(KINDS_PER_SECOND, KINDS_AT_ONCE),
    left: 0,
  }))
  readonly #refused = new Map<string, { since: number; times: number }>()

  /**
   * @param keep stores each entry as it comes
   * @param before earlier entries, the newest last
   */
  constructor(keep: (entry: AuditEntry) => void, before: readonly AuditEntry[] = []) {
    this.#keep = keep
    this.#latest = before.slice(-MOST_LATEST)
  }

  /** The latest entries, the newest last. */
  get latest(): readonly AuditEntry[] {
    return this.#latest
  }

  /**
   * A client was admitted, took over an id, or was disconnected as revoked. Clients that only read are not
   * recorded.
   */
  came(kind: 'login' | 'takeover' | 'revoked', actor: Actor, why?: string): void {
    if (kind !== 'login' || actor.principal !== NOBODY) this.#add({ kind, ...(why && { why }) }, actor)
  }

  /**
   * A client was refused something; repeated refusals of one address are recorded once a minute, with their
   * number.
   * @returns false when the address has so many refusals that this one is not recorded
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

  /** A request was forwarded. */
  asked({ instance, what, request }: Asked, actor: Actor): void {
    if (!ACTS.test(what)) return
    const params = textOf(request['params'])
    this.#add({ kind: 'request', instance, what, ...(params && { params }) }, actor)
  }

  #add(more: Pick<AuditEntry, 'kind'> & Partial<AuditEntry>, { principal, client, from }: Actor): void {
    const { why, what } = more
    const entry = {
      ...{ time: Date.now() / 1000, ...more, principal: principal.name, client: client.slice(0, 200), from },
      // Strangers can write anything: an entry that is too long for its readers would hide its contents.
      ...(why !== undefined && { why: why.slice(0, MOST_WHY) }),
      ...(what !== undefined && { what: what.slice(0, 200) }),
    }
    this.#latest.push(entry)
    if (this.#latest.length >= 2 * MOST_LATEST) this.#latest.splice(0, MOST_LATEST)
    this.#keep(entry)
  }
}

/** Parameters as text, without secrets. */
function textOf(params: unknown): string {
  if (typeof params !== 'object' || params === null || Object.keys(params).length === 0) return ''
  const text = redact(JSON.stringify(withoutSecrets(params)))
  return text.length > MOST_PARAMS ? `${text.slice(0, MOST_PARAMS - 1)}…` : text
}
