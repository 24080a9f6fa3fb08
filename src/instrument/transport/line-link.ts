import { systemClock } from '../../core/clock.ts'
import { messageOf, TransportError } from '../../core/errors.ts'
import type { Transport } from './byte-stream.ts'
import { closedHere, noReply } from './failures.ts'
import { LineFramer, maxLine } from './line-framer.ts'
import type { Identify, Link, OnExchange, QueryOptions } from './link.ts'
import { opened } from './opening.ts'
import { CommandQueue } from './queue.ts'
import { trace, traceUnasked } from './trace.ts'

/** Options of a `LineLink`. All times are in ms. */
export interface LineOptions {
  /** Ends each command; CRLF by default. */
  readonly terminator?: string
  /** Minimum time between two messages, 10 by default: a Lake Shore 240 needs it. */
  readonly gap?: number
  /** How long to wait for a reply, 2000 by default. */
  readonly timeout?: number
  /** Duration of the silence after which nothing more is expected, 100 by default. */
  readonly quiet?: number
  /**
   * By default `*IDN?`, answered with four fields (IEEE 488.2 §10.14); null for an instrument that does not
   * know it.
   */
  readonly identify?: Identify | null
  /**
   * Whether to begin with an empty line, which ends a command that an earlier program may have left
   * half-sent.
   */
  readonly wake?: boolean
  readonly onExchange?: OnExchange
}

/** The last line of a command, which is the one that is answered. */
const lastLine = (command: string): string => command.slice(command.lastIndexOf('\n') + 1)

/** Receives a burst: its lines, or why they are unusable. */
type Listener = (lines: readonly string[], fault?: string) => void

const identifyByIdn: Identify = { command: '*IDN?', match: /^[^,]+,[^,]+,[^,]+,[^,]+$/ }
const attempts = 3
/** Milliseconds between checks of whether a wait may end early. */
const LOOK_MS = 20
/** The first exchange after plugging in often fails, so the first two tries on opening are short, ms. */
const openingWaits = [300, 1000]
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
const unreadable = /[\x00-\x08\x0a-\x1f\x7f-\x9f]/

/**
 * An instrument that answers a line with a line. One command is in flight at a time and all users share one queue, so no
 * locks are needed. After a reply that cannot be trusted, no query is sent until the instrument has been silent and has
 * identified itself, so a late reply is never taken for the answer to the next query. Exchange and recovery share the
 * state of the line, so they stay in one file.
 */
export class LineLink implements Link {
  readonly #transport: Transport
  readonly #options: Required<Omit<LineOptions, 'onExchange'>> & Pick<LineOptions, 'onExchange'>
  readonly #framer = new LineFramer(
    (line) => this.#onLine(line),
    () => this.#deliver([], `a line of more than ${maxLine} bytes`),
  )
  readonly #closed = new AbortController()
  readonly #queue = new CommandQueue()
  #listener: Listener | undefined
  #burst: string[] = []
  #lastByte = 0
  #lastMessage = 0
  #identity: string | undefined
  /** Number of identifications requested and not yet answered. */
  #asked = 0
  /** Why the next reply cannot be trusted; undefined if it can. */
  #doubt: string | undefined = 'opened just now'

  private constructor(transport: Transport, options: LineOptions) {
    this.#transport = transport
    const defaults = { terminator: '\r\n', gap: 10, timeout: 2000, quiet: 100, wake: false }
    this.#options = { ...defaults, identify: identifyByIdn, ...options }
    transport.onClose((reason) => this.#end(reason))
    transport.onData((bytes) => {
      this.#lastByte = performance.now()
      this.#framer.push(bytes)
    })
  }

  /**
   * A link over an open transport, once the instrument has identified itself, within three tries.
   * @throws TransportError if it does not, or the signal aborts; the transport is then closed
   */
  static open(transport: Transport, options: LineOptions = {}, signal?: AbortSignal): Promise<LineLink> {
    const link = new LineLink(transport, options)
    const begin = async () => {
      if (link.#options.wake) await link.#write('')
      await link.#getInStep()
    }
    return opened(link, begin, signal)
  }

  /** Where it leads, for messages. */
  get name(): string {
    return this.#transport.name
  }

  /** The instrument's answer to the identification query; empty if it is not asked. */
  get identity(): string {
    return this.#identity ?? ''
  }

  /** Aborts when the link ends, by `close()` or because of a loss: `closed.reason` is a TransportError. */
  get closed(): AbortSignal {
    return this.#closed.signal
  }

  /**
   * Sends a command and returns the line that answers it. @throws TransportError on time-out, unreadable
   * reply or loss
   */
  query(command: string, options: QueryOptions = {}): Promise<string> {
    return this.read(command, (reply) => reply, options)
  }

  /** `query`, decoded; a reply for which `decode` throws also puts the link out of step. */
  read<T>(command: string, decode: (reply: string) => T, options: QueryOptions = {}): Promise<T> {
    return this.#queue.add(options.priority ?? 'task', async () => {
      await this.#getInStep()
      const reply = await this.#exchange(command, options.timeout ?? this.#options.timeout)
      try {
        return decode(reply)
      } catch (error) {
        this.#doubt = `${command}: ${messageOf(error)}`
        throw new TransportError(`${this.name}: ${this.#doubt}`, { cause: error })
      }
    })
  }

  /** Sends a command that has no reply. */
  send(command: string, options: QueryOptions = {}): Promise<void> {
    return this.#queue.add(options.priority ?? 'task', async () => {
      await this.#getInStep()
      await this.#gapPassed()
      await this.#write(command)
      const ms = performance.now() - this.#lastMessage
      trace(this.name, lastLine(command), null, ms)
      this.#options.onExchange?.(command, '', ms)
    })
  }

  /** Closes the transport; waiting commands are rejected. */
  async close(): Promise<void> {
    this.#end(closedHere(this.name))
    await this.#transport.close()
  }

  #end(reason: Error): void {
    if (this.closed.aborted) return
    this.#closed.abort(reason)
    this.#deliver([], reason.message)
  }

  async #exchange(command: string, timeout: number): Promise<string> {
    await this.#gapPassed()
    const begun = performance.now()
    try {
      const reply = await this.#ask(command, timeout)
      this.#tell(command, reply, begun)
      return reply
    } catch (error) {
      this.#doubt ??= messageOf(error)
      const reported = error instanceof Error ? error : new Error(String(error))
      this.#tell(command, reported, begun)
      throw error
    } finally {
      this.#lastMessage = performance.now()
    }
  }

  #tell(command: string, reply: string | Error, begun: number): void {
    const ms = performance.now() - begun
    trace(this.name, lastLine(command), reply, ms)
    this.#options.onExchange?.(command, reply, ms)
  }

  #ask(command: string, timeout: number): Promise<string> {
    const bad = (what: string) => new TransportError(`${this.name}: ${command}: ${what}`)
    return new Promise((resolve, reject) => {
      const settle = (result: string | Error) => {
        clearTimeout(timer)
        this.#listener = undefined
        typeof result === 'string' ? resolve(result) : reject(result)
      }
      const timer = setTimeout(() => settle(noReply(this.name, command, timeout)), timeout)
      this.#listener = (lines, fault) => {
        const [reply = '', ...more] = lines.filter((line) => line !== '')
        if (this.closed.aborted) settle(this.closed.reason as Error)
        else if (fault) settle(bad(`answered with ${fault}`))
        else if (more.length > 0) settle(bad(`one reply expected, got ${JSON.stringify([reply, ...more])}`))
        else settle(reply)
      }
      this.#write(command).catch(settle)
    })
  }

  /**
   * Does nothing while replies can be trusted; otherwise waits for silence and asks the instrument who it is,
   * up to three times.
   */
  async #getInStep(): Promise<void> {
    this.closed.throwIfAborted()
    if (this.#doubt === undefined) return
    const { identify, quiet, timeout } = this.#options
    const opening = this.#identity === undefined
    const why = this.#doubt
    const begun = performance.now()
    let answer = ''
    for (let attempt = 0; attempt < attempts; attempt++) {
      await this.#transport.flush?.()
      await this.#silence(quiet)
      this.#doubt = undefined
      if (!identify) return
      // A late reply comes first and is skipped; the identification requested one time-out later is as late
      // as that.
      const wait = opening ? Math.min(openingWaits[attempt] ?? timeout, timeout) : 2 * timeout
      answer = await this.#identification(identify, wait, opening)
      this.closed.throwIfAborted()
      if (this.#isIdentity(identify, answer)) {
        await this.#lastIdentification(attempt > 0 ? performance.now() - begun : undefined)
        this.#doubt = undefined
        this.#identity = answer
        return
      }
      this.#doubt = why
    }
    const got = answer === '' ? 'no answer' : `the answer ${JSON.stringify(answer)}`
    const expected =
      answer !== '' && identify?.match instanceof RegExp ? `, not one like ${identify.match}` : ''
    const error = new TransportError(
      opening
        ? `${this.name}: ${got} to ${identify?.command}${expected}: is the instrument on, is it the right one, and are its baud rate and cable right?`
        : `${this.name}: ${got} to ${identify?.command} after a bad reply (${why})`,
    )
    this.#end(error)
    await this.#transport.close()
    throw error
  }

  /**
   * The answer may belong to an earlier try; only the answer to the last try comes after everything else that
   * is late. This waits for it: for the time that the tries have `taken` (ms), or, for tries from before,
   * until they must be lost.
   */
  async #lastIdentification(taken: number | undefined): Promise<void> {
    if (this.#asked === 0) return
    await this.#silence(taken ?? 2 * this.#options.timeout, () => this.#asked === 0)
    if (taken === undefined) this.#asked = 0
  }

  #isIdentity({ match }: Identify, answer: string): boolean {
    if (this.#identity !== undefined) return answer === this.#identity
    return typeof match === 'function' ? match(answer) : match.test(answer)
  }

  /**
   * The last line within `wait` ms of the one before it; at once if it is the identity, or any line if
   * `once`.
   */
  #identification(identify: Identify, wait: number, once: boolean): Promise<string> {
    return new Promise((resolve) => {
      let answer = ''
      const begun = performance.now()
      const end = () => {
        clearTimeout(timer)
        this.#listener = undefined
        this.#lastMessage = performance.now()
        trace(this.name, identify.command, answer || new Error('no answer'), this.#lastMessage - begun)
        resolve(answer)
      }
      let timer = setTimeout(end, wait)
      this.#listener = (lines) => {
        answer = lines.findLast((line) => line !== '') ?? answer
        if (once || this.closed.aborted || this.#isIdentity(identify, answer)) return end()
        clearTimeout(timer)
        timer = setTimeout(end, wait)
      }
      this.#asked++
      this.#write(identify.command).catch(end)
    })
  }

  /**
   * Waits for `ms` without a byte, or until there is `enough`, and drops bytes until then; an instrument that
   * never stops is given one more time-out.
   */
  async #silence(ms: number, enough?: () => boolean): Promise<void> {
    this.#listener = (lines, fault) => {
      if (fault || lines.some((line) => line !== '')) traceUnasked(this.name, fault ?? JSON.stringify(lines))
    }
    const begun = performance.now()
    for (;;) {
      const last = this.#lastByte
      const left = Math.max(last, begun) + ms - performance.now()
      await systemClock.sleep(
        Math.max(0, Math.min(Math.ceil(left), enough ? LOOK_MS : Infinity)),
        this.closed,
      )
      // One more turn of the event loop: after a stall, timers run before bytes that arrived meanwhile are
      // read.
      await systemClock.sleep(1, this.closed)
      this.closed.throwIfAborted()
      if (enough?.()) break
      if (enough && left > LOOK_MS) continue
      if (last === this.#lastByte || performance.now() > begun + ms + this.#options.timeout) break
    }
    this.#framer.reset()
    this.#burst = []
    this.#listener = undefined
  }

  async #gapPassed(): Promise<void> {
    const left = this.#lastMessage + this.#options.gap - performance.now()
    if (left > 0) await systemClock.sleep(Math.ceil(left), this.closed)
    this.closed.throwIfAborted()
  }

  async #write(command: string): Promise<void> {
    const lines = command.split('\n')
    for (const [i, line] of lines.entries()) {
      if (i > 0) await this.#gapPassed()
      this.#lastMessage = performance.now()
      await this.#transport.write(Buffer.from(line + this.#options.terminator, 'latin1'))
      if (i < lines.length - 1) trace(this.name, line, null, performance.now() - this.#lastMessage)
    }
  }

  #onLine(line: string): void {
    this.#burst.push(line)
    // At the end of the turn: two lines that arrive together are more than the answer to one query.
    if (this.#burst.length === 1) setImmediate(() => this.#onBurst())
  }

  #onBurst(): void {
    const lines = this.#burst
    this.#burst = []
    if (lines.length === 0) return
    const { identify } = this.#options
    for (const line of lines)
      if (identify && this.#isIdentity(identify, line)) this.#asked = Math.max(0, this.#asked - 1)
    const garbled = lines.find((line) => unreadable.test(line))
    if (garbled !== undefined)
      this.#deliver(lines, `unreadable bytes: ${JSON.stringify(garbled.slice(0, 80))}`)
    else this.#deliver(lines, this.#framer.partial ? 'more than a line' : undefined)
  }

  #deliver(lines: readonly string[], fault?: string): void {
    if (this.#listener) this.#listener(lines, fault)
    else if (!this.closed.aborted && (fault || lines.some((line) => line !== ''))) {
      const what = fault ?? JSON.stringify(lines)
      traceUnasked(this.name, what)
      this.#doubt ??= `unsolicited: ${what}`
    }
  }
}
