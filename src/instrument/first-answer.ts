import { messageOf, OpError, TransportError } from '../core/errors.ts'
import { absentRetryMs } from './transport/failures.ts'
import type { Link, OnExchange } from './transport/link.ts'

/**
 * Whether an instrument is there. For HTTP, datagrams or behind a gateway an open link proves nothing: only
 * an answer does, even a refusal.
 */
export class FirstAnswer {
  #isThere = false

  /** Wraps a listener so that each exchange is noticed. */
  hear(next: OnExchange | undefined): OnExchange {
    return (command, reply, ms) => {
      if (!(reply instanceof Error) || reply instanceof OpError) this.#isThere ||= reply !== ''
      next?.(command, reply, ms)
    }
  }

  /**
   * Sends one command after the other until one is answered, unless there has been an answer already.
   * @throws TransportError if none is answered
   */
  async ask(link: Link, commands: readonly string[]): Promise<void> {
    if (this.#isThere || link.identity !== '') return
    let why: unknown
    for (const command of commands) {
      try {
        await link.query(command, { priority: 'poll' })
        return
      } catch (error) {
        if (error instanceof OpError) return
        why = error
      }
      if (link.closed.aborted) break
    }
    if (why !== undefined) throw new TransportError(messageOf(why), { cause: why, retryMs: absentRetryMs })
  }
}
