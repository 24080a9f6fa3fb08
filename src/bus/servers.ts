import { isIP } from 'node:net'
import { backoff } from '../core/backoff.ts'
import { addressesIn, bareHost } from '../core/host-port.ts'
import type { Unreached } from './unreached.ts'

/**
 * Milliseconds between attempts to reach a hub; with several addresses, the longest wait once all have
 * failed.
 */
const [RETRY_MS, LONGEST_MS] = [250, 4000]

/**
 * The addresses of a hub, tried in turn. An address that works stays in use, and is tried first after a loss.
 */
export class Servers {
  readonly all: readonly string[]
  /** Why each address was not reached the last time. */
  readonly #problems = new Map<string, Unreached>()
  #at = 0
  /** Attempts since the last success. */
  #failed = 0
  #works = true

  /** @param text one address, or several separated by commas */
  constructor(text: string) {
    this.all = addressesIn(text)
  }

  /** Whether all are MQTT over plain TCP. */
  get isPlain(): boolean {
    return this.all.every((url) => url.startsWith('mqtt://'))
  }

  /** The address in use or being tried. */
  get now(): string {
    return this.all[this.#at] ?? ''
  }

  /** Why none is reached, with the reason of each; undefined while no reason is known. */
  get problem(): Unreached | undefined {
    const found = [...this.#problems]
    const [first] = found
    if (this.all.length === 1 || first === undefined) return first?.[1]
    const kinds = new Set(found.map(([, { kind }]) => kind))
    const isWhole = found.length === this.all.length
    // An address that is away may come back and admit this client.
    const kind = !isWhole || kinds.has('away') ? 'away' : kinds.has('refused') ? 'refused' : 'tls'
    return { text: found.map(([url, { text }]) => `${url}: ${text}`).join('; '), kind }
  }

  /** Milliseconds until the next attempt. */
  get pauseMs(): number {
    const rounds = Math.floor(this.#failed / this.all.length)
    return this.all.length === 1 ? RETRY_MS : backoff(rounds, RETRY_MS, LONGEST_MS)
  }

  /** The present address has admitted this client. */
  reached(): void {
    this.#problems.clear()
    this.#failed = 0
    this.#works = true
  }

  /** The present address has failed, before or after connecting. */
  failed(why: Unreached): void {
    this.#problems.set(this.now, why)
  }

  /** Another attempt begins: at the same address if that has worked, otherwise at the next. */
  again(): void {
    if (!this.#works) this.#at = (this.#at + 1) % this.all.length
    this.#works = false
    this.#failed++
  }
}

/** An address as options of mqtt.js, replacing those of the previous address. */
export function targetOf(url: string): Record<string, unknown> {
  const { protocol, hostname, port, pathname, search } = new URL(url)
  const isWeb = protocol.startsWith('ws')
  const host = isWeb ? hostname : bareHost(hostname)
  return {
    protocol: protocol.slice(0, -1),
    host,
    hostname: host,
    port: port === '' ? undefined : Number(port),
    // Over TCP a path would mean a socket in the file system.
    path: isWeb ? `${pathname}${search}` : undefined,
    servername: isIP(bareHost(hostname)) === 0 ? bareHost(hostname) : undefined,
    wsOptions: undefined,
  }
}
