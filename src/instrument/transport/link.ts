/** A waiting `task` goes before a waiting `poll`. */
export type Priority = 'task' | 'poll'

/** Options of one query. */
export interface QueryOptions {
  /** `task` by default. */
  readonly priority?: Priority
  /** ms to wait for the reply, in place of the link's own time-out. */
  readonly timeout?: number
}

/** How an instrument identifies itself; `match` must not match any reading. */
export interface Identify {
  readonly command: string
  readonly match: RegExp | ((reply: string) => boolean)
}

/** Called after each exchange, with its reply or error and how long it took. */
export type OnExchange = (command: string, reply: string | Error, ms: number) => void

/**
 * An agent's connection to its instrument, whatever the transport: commands and replies are text (`open.ts`
 * lists the forms). One command is in flight at a time and all users share one queue, so no locks are needed.
 * It ends once, for good: `closed` aborts, and to reconnect one opens another link.
 */
export interface Link {
  /** Where it leads, for messages: `127.0.0.1:7777`, `/dev/ttyUSB0`. */
  readonly name: string
  /** The instrument's answer to the identification query; empty if it is not asked. */
  readonly identity: string
  /** Aborts when the link ends, by `close()` or because of a loss: `closed.reason` is a TransportError. */
  readonly closed: AbortSignal
  /**
   * Sends a command and returns its reply. For an instrument that talks in lines, a command may be several
   * lines separated by `\n`: no other command comes between them, and the last one is answered.
   * @throws TransportError on time-out, unreadable reply or loss; OpError if the instrument refuses the
   * command
   */
  query(command: string, options?: QueryOptions): Promise<string>
  /** `query`, decoded; if `decode` throws, the error is a TransportError. */
  read<T>(command: string, decode: (reply: string) => T, options?: QueryOptions): Promise<T>
  /** Sends a command whose reply, if any, is ignored. */
  send(command: string, options?: QueryOptions): Promise<void>
  /** Closes it; waiting commands are rejected. */
  close(): Promise<void>
}
