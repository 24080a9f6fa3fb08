import { TransportError } from '../core/errors.ts'
import type { Link } from './transport/link.ts'

/** Times that a question is asked whose reply does not come, or cannot be read. */
const TRIES = 3

/**
 * A link for taking stock of an instrument, which asks dozens of questions that all have to be answered: a bad reply costs
 * another question, not the connection and the wait before the next. For questions alone, that may be asked again.
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
