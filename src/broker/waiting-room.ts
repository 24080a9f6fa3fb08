import type { Duplex } from 'node:stream'
import { Bucket, OfEach } from '../principals/bucket.ts'
import { placeOf } from '../principals/place.ts'
import { limits } from './limits.ts'

/** The most addresses whose connection rate is remembered. */
const MOST_PLACES = 10_000

/**
 * Connections that have not been admitted yet, over every port: half-open ones, TLS without a handshake,
 * log-ins in progress. When an address, or the whole hub, has too many, the oldest is closed: a genuine
 * client is admitted within moments, so half-open connections keep nobody out, not even at the same address.
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

  /**
   * Takes a connection, or closes it at once if its address connects too often.
   * @param from its address with the port
   */
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

  /** The connection has been admitted or closed. */
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
    // Its `close` event may come later.
    if (oldest && own.delete(oldest)) this.#count--
  }
}
