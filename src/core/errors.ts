import type { OpSession } from './ops.ts'
import { systemWords } from './system-words.ts'

/**
 * The errors a user meets, by kind; the kind decides the exit code of `ocs` (`exitCode`).
 * Text of each: what is wrong, where, what to do about it. Anything that is none of these is a bug.
 */

/** Return codes of CONNACK by which a hub refuses a client (MQTT 3.1.1 §3.2.2.3). */
export const CONNACK = {
  /** The client id is taken, or is none. */
  idTaken: 2,
  /** There is no room for another client, or too many log-ins are to be answered, just now. */
  noRoom: 3,
  /** The name and the password, or the token, are not known, or no longer. */
  wrongPassword: 4,
  /** It does not let this client in, and will not later either. */
  notAuthorised: 5,
} as const

/** A command line that cannot be meant: unknown flag, missing value. Exit code 2. */
export class UsageError extends Error {
  override name = 'UsageError'
}

/** A site file, directory or environment that cannot be used; a site file's message begins `file:line:column: `. Exit code 2. */
export class ConfigError extends Error {
  override name = 'ConfigError'
}

/** An instrument or hub that cannot be reached or speaks nonsense: an operation turns degraded and tries again. Exit code 3. */
export class TransportError extends Error {
  override name = 'TransportError'
  /** Milliseconds after which trying again is cheap and worth it (a port that may be plugged in again); else back off. */
  readonly retryMs: number | undefined

  constructor(message: string, options?: ErrorOptions & { readonly retryMs?: number }) {
    super(message, options)
    this.retryMs = options?.retryMs
  }
}

/** What an operation throws to fail with a message for its caller. Exit code 1. */
export class OpError extends Error {
  override name = 'OpError'
  /** The session that failed, where there was one and its caller has seen it. */
  readonly session: OpSession | undefined

  constructor(message: string, options?: ErrorOptions & { readonly session?: OpSession | undefined }) {
    super(message, options)
    this.session = options?.session
  }
}

/** What was waited for did not come in the time given; it may come yet. Exit code 3. */
export class TimeoutError extends Error {
  override name = 'TimeoutError'
}

/** Exit code by kind of error: 2 usage or configuration, 3 unreachable or timed out, 1 anything else. */
export function exitCode(error: unknown): number {
  if (error instanceof UsageError || error instanceof ConfigError) return 2
  if (error instanceof TransportError || error instanceof TimeoutError) return 3
  return 1
}

/** The text of anything thrown; of an error of the system what it means. */
export function messageOf(error: unknown): string {
  return systemWords(error) ?? (error instanceof Error ? error.message : String(error))
}
