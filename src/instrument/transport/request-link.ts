import { messageOf, TransportError } from '../../core/errors.ts'
import { pause } from '../../core/pause.ts'
import { closedHere } from './failures.ts'
import type { Identify, Link, OnExchange, QueryOptions } from './link.ts'
import { opened } from './opening.ts'
import { CommandQueue } from './queue.ts'
import { trace } from './trace.ts'

/** An open protocol that itself matches each answer to its request (HTTP, Modbus, SNMP), or files. */
export interface Requester {
  /** Where it leads, for messages. */
  readonly name: string
  /**
   * Carries out one command within `timeout` ms and returns its reply as text.
   * @throws OpError if the answer is a refusal; TransportError if there is no answer
   */
  request(command: string, timeout: number): Promise<string>
  /** Sets the one listener for a loss; never called after our own `close()`. */
  onClose?(listener: (reason: Error) => void): void
  close(): Promise<void>
}

/** Options of a `RequestLink`. All times are in ms. */
export interface RequestOptions {
  /** Minimum time between two requests, 0 by default. */
  readonly gap?: number
  /** How long to wait for an answer, 2000 by default. */
  readonly timeout?: number
  /** Asked first; a reply that does not match means another instrument. Nothing is asked by default. */
  readonly identify?: Identify | null
  readonly onExchange?: OnExchange
}

/** Number of consecutive requests without an answer after which the link is given up. */
const PATIENCE = 3

/**
 * A link over a request-and-answer protocol: one request in flight, in order of priority, never waiting for
 * ever.
 */
export class RequestLink implements Link {
  readonly #requester: Requester
  readonly #options: RequestOptions
  readonly #queue = new CommandQueue()
  readonly #closed = new AbortController()
  #identity = ''
  #unanswered = 0
  #last = -Infinity

  private constructor(requester: Requester, options: RequestOptions) {
    this.#requester = requester
    this.#options = options
    requester.onClose?.((reason) => this.#end(reason))
  }

  /**
   * A link over an open requester, once the instrument has identified itself.
   * @throws TransportError if it does not, or the signal aborts
   */
  static open(
    requester: Requester,
    options: RequestOptions = {},
    signal?: AbortSignal,
  ): Promise<RequestLink> {
    const link = new RequestLink(requester, options)
    const { identify } = options
    const begin = async () => {
      if (identify) link.#identity = await link.#identify(identify)
    }
    return opened(link, begin, signal)
  }

  get name(): string {
    return this.#requester.name
  }

  get identity(): string {
    return this.#identity
  }

  get closed(): AbortSignal {
    return this.#closed.signal
  }

  query(command: string, { priority = 'task', timeout }: QueryOptions = {}): Promise<string> {
    return this.#queue.add(priority, () => this.#exchange(command, timeout ?? this.#options.timeout ?? 2000))
  }

  async read<T>(command: string, decode: (reply: string) => T, options: QueryOptions = {}): Promise<T> {
    const reply = await this.query(command, options)
    try {
      return decode(reply)
    } catch (error) {
      throw new TransportError(`${this.name}: ${command}: ${messageOf(error)}`, { cause: error })
    }
  }

  async send(command: string, options: QueryOptions = {}): Promise<void> {
    await this.query(command, options)
  }

  async close(): Promise<void> {
    this.#end(closedHere(this.name))
    await this.#requester.close()
  }

  #end(reason: Error): void {
    if (!this.closed.aborted) this.#closed.abort(reason)
  }

  async #identify({ command, match }: Identify): Promise<string> {
    const answer = await this.query(command)
    if (typeof match === 'function' ? match(answer) : match.test(answer)) return answer
    throw new TransportError(
      `${this.name}: the answer ${JSON.stringify(answer.slice(0, 80))} to ${command}: is it the right instrument?`,
    )
  }

  async #exchange(command: string, timeout: number): Promise<string> {
    const left = this.#last + (this.#options.gap ?? 0) - performance.now()
    if (left > 0) await pause(left, this.closed)
    this.closed.throwIfAborted()
    const begun = performance.now()
    const tell = (reply: string | Error) => {
      this.#last = performance.now()
      trace(this.name, command, reply, this.#last - begun)
      this.#options.onExchange?.(command, reply, this.#last - begun)
    }
    try {
      const reply = await this.#orClosed(this.#requester.request(command, timeout))
      this.#unanswered = 0
      tell(reply)
      return reply
    } catch (error) {
      tell(error instanceof Error ? error : new Error(String(error)))
      this.closed.throwIfAborted()
      this.#unanswered = error instanceof TransportError ? this.#unanswered + 1 : 0
      if (this.#unanswered === PATIENCE) {
        this.#end(error as TransportError)
        await this.#requester.close()
      }
      throw error
    }
  }

  /** The answer, or the reason why the link ended: nobody waits for an answer that can no longer come. */
  #orClosed<T>(answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const end = () => reject(this.closed.reason)
      this.closed.addEventListener('abort', end)
      answer.then(resolve, reject).finally(() => this.closed.removeEventListener('abort', end))
    })
  }
}
