import { messageOf, TransportError } from '../../core/errors.ts'

/** The failures that all transports share, in the same words. */

const advice: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused, or no way to it: is the cable in, and the address right?',
  ECONNRESET: 'it closed the connection: is it restarting?',
  ENOTFOUND: 'no such host: is its name right?',
  EHOSTUNREACH: 'no route to it: is the network cable in, and the address right?',
  ENETUNREACH: 'no route to it: is the network up, and the address right?',
}
/** What `fetch` of Bun calls these. */
const asSystem: Readonly<Record<string, string>> = { ConnectionRefused: 'ECONNREFUSED' }

/** ms after which a host that is not there is looked for again: one packet, and a cable put back should not wait. */
export const absentRetryMs = 1000
const absent = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT'])

/** A system's error with what to do about it, where that is known; `own` says it in other words. */
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

/** A host that lets a connection wait for longer than that. */
export const noConnection = (name: string, ms: number): TransportError =>
  new TransportError(
    `no answer from ${name} in ${ms / 1000} s: is the instrument on, and its address right?`,
    { retryMs: absentRetryMs },
  )

/** A command whose time-out has passed. */
export const noReply = (name: string, command: string, ms: number, cause?: unknown): TransportError =>
  new TransportError(`${name}: ${command}: no reply in ${ms} ms`, { cause })

/** What is used after one's own `close()`. */
export const closedHere = (name: string): TransportError => new TransportError(`${name}: closed`)

/** An opening that its signal has ended. */
export const stopped = (name: string, signal: AbortSignal): TransportError =>
  new TransportError(`${name}: stopped while connecting`, { cause: signal.reason })
