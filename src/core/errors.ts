import type { OpSession } from './ops.ts'
import { systemWords } from './system-words.ts'

/**
 * The errors a user meets, by kind; the kind decides the exit code of `ocs` (`exitCode`). Each message says
 * what is wrong, where, and what to do about it. Any other error is a bug.
 */

/** Return codes of CONNACK by which a hub refuses a client (MQTT 3.1.1 §3.2.2.3). */
export const CONNACK = {
  /** The client id is taken or invalid. */
  idTaken: 2,
  /** No room for another client at the moment, or too many log-ins are pending. */
  noRoom: 3,
  /** The name and the password, or the token, are not known, or no longer valid. */
  wrongPassword: 4,
  /** The hub does not admit this client, now or later. */
  notAuthorised: 5,
} as const

/** An invalid command line: unknown flag, missing value. Exit code 2. */
export class UsageError extends Error {
  override name = 'UsageError'
}

/**
 * A site file, directory or environment that cannot be used. The message for a site file begins
 * `file:line:column: `. Exit code 2.
 */
export class ConfigError extends Error {
  override name = 'ConfigError'
}

/**
 * An instrument or hub that cannot be reached or answers nonsense: an operation turns degraded and tries
 * again. Exit code 3.
 */
export class TransportError extends Error {
  override name = 'TransportError'
  /**
   * Milliseconds after which a retry is cheap and useful (a port that may be plugged in again); otherwise
   * back off.
   */
  readonly retryMs: number | undefined

  constructor(message: string, options?: ErrorOptions & { readonly retryMs?: number }) {
    super(message, options)
    this.retryMs = options?.retryMs
  }
}

/** Thrown by an operation to fail with a message for its caller. Exit code 1. */
export class OpError extends Error {
  override name = 'OpError'
  /** The session that failed, if there was one and its caller has seen it. */
  readonly session: OpSession | undefined

  constructor(message: string, options?: ErrorOptions & { readonly session?: OpSession | undefined }) {
    super(message, options)
    this.session = options?.session
  }
}

/** An awaited event did not happen in the given time; it may still happen. Exit code 3. */
export class TimeoutError extends Error {
  override name = 'TimeoutError'
}

/** Exit code by kind of error: 2 usage or configuration, 3 unreachable or timed out, 1 anything else. */
export function exitCode(error: unknown): number {
  if (error instanceof UsageError || error instanceof ConfigError) return 2
  if (error instanceof TransportError || error instanceof TimeoutError) return 3
  return 1
}

/** The message of anything thrown; for a system error its meaning. */
export function messageOf(error: unknown): string {
  return systemWords(error) ?? (error instanceof Error ? error.message : String(error))
}
