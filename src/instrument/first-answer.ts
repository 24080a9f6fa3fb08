import { messageOf, OpError, TransportError } from '../core/errors.ts'
import { absentRetryMs } from './transport/failures.ts'
import type { Link, OnExchange } from './transport/link.ts'

/**
 * Whether an instrument is there. That a link is open proves nothing of HTTP, datagrams or what is behind a gateway: only
 * an answer does, and a refusal is one.
 */
export class FirstAnswer {
  #isThere = false

  /** Hears of each exchange, and hands it on. */
  hear(next: OnExchange | undefined): OnExchange {
    return (command, reply, ms) => {
      if (!(reply instanceof Error) || reply instanceof OpError) this.#isThere ||= reply !== ''
      next?.(command, reply, ms)
    }
  }

  /**
   * Gives one command after the other until there is an answer, unless there has been one.
   * @throws TransportError when there is none
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
