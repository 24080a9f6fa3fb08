/** A waiting `task` goes before a waiting `poll`. */
export type Priority = 'task' | 'poll'

/** One query's own wishes. */
export interface QueryOptions {
  /** `task` by default. */
  readonly priority?: Priority
  /** ms to wait for the reply, instead of the link's own. */
  readonly timeout?: number
}

/** How an instrument says who it is; no reading may match. */
export interface Identify {
  readonly command: string
  readonly match: RegExp | ((reply: string) => boolean)
}

/** Called after each exchange, with its reply or error and how long it took. */
export type OnExchange = (command: string, reply: string | Error, ms: number) => void

/**
 * What an agent talks to its instrument by, whatever is beneath: commands and replies are text (`open.ts` lists the
 * spellings). One command is in flight at a time; all users share the one queue, so none needs a lock. It ends once, for
 * good: `closed` aborts, and whoever wants it back opens another.
 */
export interface Link {
  /** Where it leads, for messages: `127.0.0.1:7777`, `/dev/ttyUSB0`. */
  readonly name: string
  /** What the instrument answered when asked who it is; empty if it is not asked. */
  readonly identity: string
  /** Aborts when the link ends, by `close()` or for a reason: `closed.reason` is a TransportError. */
  readonly closed: AbortSignal
  /**
   * Sends a command and gives its reply. Of an instrument that talks in lines a command may be several, with `\n` between:
   * nothing comes between them, and the last is the one answered.
   * @throws TransportError on time-out, unreadable reply or loss; OpError when the instrument answers that it will not
   */
  query(command: string, options?: QueryOptions): Promise<string>
  /** `query`, decoded; a reply that `decode` refuses, by throwing, is a TransportError. */
  read<T>(command: string, decode: (reply: string) => T, options?: QueryOptions): Promise<T>
  /** Sends a command that has no reply worth knowing. */
  send(command: string, options?: QueryOptions): Promise<void>
  /** Closes it; what still waits is refused. */
  close(): Promise<void>
}
