import { messageOf, TransportError } from '../../core/errors.ts'

/** The failures that all transports share, with the same messages. */

const advice: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused, or no way to it: is the cable in, and the address right?',
  ECONNRESET: 'it closed the connection: is it restarting?',
  ENOTFOUND: 'no such host: is its name right?',
  EHOSTUNREACH: 'no route to it: is the network cable in, and the address right?',
  ENETUNREACH: 'no route to it: is the network up, and the address right?',
}
/** Bun's `fetch` names for these. */
const asSystem: Readonly<Record<string, string>> = { ConnectionRefused: 'ECONNREFUSED' }

/**
 * ms before an absent host is tried again: it is one packet, and a reconnected cable should not have to wait.
 */
export const absentRetryMs = 1000
const absent = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT'])

/** A system's error with advice, if there is any; `own` replaces some messages. */
export function systemFailure(
  what: string,
  error: Error & { code?: string },
  own: Readonly<Record<string, string>> = {},
): TransportError {
  const code = asSystem[error.code ?? ''] ?? error.code ?? ''
  const retry = absent.has(code) && { retryMs: absentRetryMs }
  return new TransportError(`${what}: ${own[code] ?? advice[code] ?? messageOf(error)}`, {
    cause: error,
    ...retry,
  })
}

/** A host that does not accept a connection within this time. */
export const noConnection = (name: string, ms: number): TransportError =>
  new TransportError(
    `no answer from ${name} in ${ms / 1000} s: is the instrument on, and its address right?`,
    { retryMs: absentRetryMs },
  )

/** A command whose time-out has passed. */
export const noReply = (name: string, command: string, ms: number, cause?: unknown): TransportError =>
  new TransportError(`${name}: ${command}: no reply in ${ms} ms`, { cause })

/** Used after our own `close()`. */
export const closedHere = (name: string): TransportError => new TransportError(`${name}: closed`)

/** An opening that its signal has aborted. */
export const stopped = (name: string, signal: AbortSignal): TransportError =>
  new TransportError(`${name}: stopped while connecting`, { cause: signal.reason })
