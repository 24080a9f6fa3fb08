import { isIP } from 'node:net'
import { backoff } from '../core/backoff.ts'
import { addressesIn, bareHost } from '../core/host-port.ts'
import type { Unreached } from './unreached.ts'

/** Milliseconds between attempts to reach a hub; of several addresses, once all have failed, at most. */
const [RETRY_MS, LONGEST_MS] = [250, 4000]

/** The addresses by which a hub is reached, tried in turn: what works is stayed with, and tried again first. */
export class Servers {
  readonly all: readonly string[]
  /** Why each was not reached the last time. */
  readonly #problems = new Map<string, Unreached>()
  #at = 0
  /** Attempts since the last that worked. */
  #failed = 0
  #works = true

  /** @param text one address or several, with commas between */
  constructor(text: string) {
    this.all = addressesIn(text)
  }

  /** Whether all are MQTT over TCP as it is. */
  get isPlain(): boolean {
    return this.all.every((url) => url.startsWith('mqtt://'))
  }

  /** The address that is tried or connected to. */
  get now(): string {
    return this.all[this.#at] ?? ''
  }

  /** Why none is reached, each with its reason; undefined while nothing is known to be wrong. */
  get problem(): Unreached | undefined {
    const found = [...this.#problems]
    const [first] = found
    if (this.all.length === 1 || first === undefined) return first?.[1]
    const kinds = new Set(found.map(([, { kind }]) => kind))
    const isWhole = found.length === this.all.length
    // One that is away may be back, and let this client in.
    const kind = !isWhole || kinds.has('away') ? 'away' : kinds.has('refused') ? 'refused' : 'tls'
    return { text: found.map(([url, { text }]) => `${url}: ${text}`).join('; '), kind }
  }

  /** Milliseconds until the next attempt. */
  get pauseMs(): number {
    const rounds = Math.floor(this.#failed / this.all.length)
    return this.all.length === 1 ? RETRY_MS : backoff(rounds, RETRY_MS, LONGEST_MS)
  }

  /** The one that is tried has let this client in. */
  reached(): void {
    this.#problems.clear()
    this.#failed = 0
    this.#works = true
  }

  /** The one that is tried, or was connected to, has failed. */
  failed(why: Unreached): void {
    this.#problems.set(this.now, why)
  }

  /** Another attempt begins: at the same address if that has worked, else at the next. */
  again(): void {
    if (!this.#works) this.#at = (this.#at + 1) % this.all.length
    this.#works = false
    this.#failed++
  }
}

/** An address as mqtt.js keeps it between attempts, with what it has made of the one before. */
export function targetOf(url: string): Record<string, unknown> {
  const { protocol, hostname, port, pathname, search } = new URL(url)
  const isWeb = protocol.startsWith('ws')
  const host = isWeb ? hostname : bareHost(hostname)
  return {
    protocol: protocol.slice(0, -1),
    host,
    hostname: host,
    port: port === '' ? undefined : Number(port),
    // Over TCP it would be a socket in the file system.
    path: isWeb ? `${pathname}${search}` : undefined,
    servername: isIP(bareHost(hostname)) === 0 ? bareHost(hostname) : undefined,
    wsOptions: undefined,
  }
}
