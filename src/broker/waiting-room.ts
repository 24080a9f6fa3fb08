import type { Duplex } from 'node:stream'
import { Bucket, OfEach } from '../principals/bucket.ts'
import { placeOf } from '../principals/place.ts'
import { limits } from './limits.ts'

/** Addresses of which it is remembered how often they came. */
const MOST_PLACES = 10_000

/**
 * Connections that have not been let in yet, over every port: half-open ones, TLS without a handshake, log-ins under way. Where
 * an address, or all, have too many, the oldest goes: a client that means it is through within moments, so that whoever keeps
 * connections half open keeps nobody out, not even at its own address.
 */
export class WaitingRoom {
  /** By address, oldest first. */
  readonly #waiting = new Map<string, Set<Duplex>>()
  readonly #rates = new OfEach(
    MOST_PLACES,
    () => new Bucket(limits.address_connects_per_second, limits.address_connects_at_once),
  )
  readonly #log: (text: string) => void
  #count = 0

  constructor(log: (text: string) => void) {
    this.#log = log
  }

  /** Takes a connection in, or ends it at once: its address comes too often. @param from its address with the port */
  enter(conn: Duplex, from: string): boolean {
    const place = placeOf(from)
    if (!this.#rates.of(place).take(1)) {
      this.#log(
        `a connection from ${from} was refused: more than ${limits.address_connects_per_second} a second from that address`,
      )
      conn.destroy()
      return false
    }
    const own = this.#waiting.get(place) ?? new Set()
    this.#waiting.set(place, own.add(conn))
    this.#count++
    conn.once('close', () => this.leave(conn, from))
    if (own.size > limits.address_waiting) this.#cut(own, from, `${limits.address_waiting} newer ones there`)
    else if (this.#count > limits.waiting) {
      const most = [...this.#waiting.values()].reduce((a, b) => (b.size > a.size ? b : a))
      this.#cut(most, 'one address', `${limits.waiting} of all addresses`)
    }
    return true
  }

  /** It has been let in, or is gone. */
  leave(conn: Duplex, from: string): void {
    const place = placeOf(from)
    const own = this.#waiting.get(place)
    if (!own?.delete(conn)) return
    this.#count--
    if (own.size === 0) this.#waiting.delete(place)
  }

  #cut(own: Set<Duplex>, from: string, others: string): void {
    const [oldest] = own
    this.#log(`a connection from ${from} was cut off before it was accepted: ${others} are waiting`)
    oldest?.destroy()
    // Its end may be told later.
    if (oldest && own.delete(oldest)) this.#count--
  }
}
