import { TransportError } from '../core/errors.ts'
import type { Link } from './transport/link.ts'

/** How often a query is tried if its reply is missing or unreadable. */
const TRIES = 3

/**
 * A link for surveying an instrument, which takes dozens of queries that must all be answered: a bad reply
 * causes another query rather than the loss of the connection and the wait before the next one. For
 * repeatable queries only.
 */
export function patient(link: Link): Link {
  const again = async <T>(ask: () => Promise<T>): Promise<T> => {
    for (let tries = 1; ; tries++) {
      try {
        return await ask()
      } catch (error) {
        if (tries === TRIES || link.closed.aborted || !(error instanceof TransportError)) throw error
      }
    }
  }
  return {
    name: link.name,
    identity: link.identity,
    closed: link.closed,
    query: (command, options) => again(() => link.query(command, options)),
    read: (command, decode, options) => again(() => link.read(command, decode, options)),
    send: (command, options) => link.send(command, options),
    close: () => link.close(),
  }
}
