import type { Linked } from '../core/agent.ts'
import { backoff } from '../core/backoff.ts'
import { messageOf, TransportError } from '../core/errors.ts'
import { pause } from '../core/pause.ts'

/**
 * Milliseconds before each new attempt: short at first, so that a reconnected cable is noticed soon, then up
 * to 30 s.
 */
const FIRST_MS = 250
const LONGEST_MS = 30_000
/**
 * Shortest time between two connections, ms: a cable with a loose contact should not delay a reader any
 * longer.
 */
const LEAST_MS = 1000

/** Keeps an agent connected to its instrument for as long as it runs: at start-up and after each loss. */
export class Connection<I extends object> {
  #instrument: I | undefined
  #reason = 'not connected yet'
  #failed = Promise.withResolvers<void>()
  #changed = Promise.withResolvers<void>()
  readonly #tried = Promise.withResolvers<void>()
  readonly #done: Promise<void>

  /**
   * @param connect opens the instrument
   * @param told called with each new connection (the instrument) and each new reason for a failure
   */
  constructor(
    connect: (signal: AbortSignal) => Promise<I>,
    told: { connected(instrument: I): void; failed(reason: string): void },
    signal: AbortSignal,
  ) {
    this.#done = this.#keep(connect, told, signal)
  }

  /** The instrument while it is connected. */
  get instrument(): I | undefined {
    return (this.#instrument as Linked | undefined)?.link?.closed.aborted ? undefined : this.#instrument
  }
  /** Why there is no instrument. */
  get reason(): string {
    return this.#reason
  }

  /** Resolves once the first attempt has succeeded or failed, so that there is an instrument or a reason. */
  get tried(): Promise<void> {
    return this.#tried.promise
  }

  /**
   * Waits for the instrument; undefined if the signal is aborted first.
   * @param onFailure called with the reason each time an attempt has failed
   */
  async wait(signal: AbortSignal, onFailure: (reason: string) => void): Promise<I | undefined> {
    const { promise: aborted, resolve: abort } = Promise.withResolvers<void>()
    signal.addEventListener('abort', abort as () => void)
    let waiting = true
    while (!this.instrument && !signal.aborted) {
      const failed = this.#failed.promise.then(() => {
        if (waiting && !signal.aborted && !this.instrument) onFailure(this.#reason)
      })
      await Promise.race([this.#changed.promise, failed, aborted])
    }
    waiting = false
    signal.removeEventListener('abort', abort as () => void)
    return signal.aborted ? undefined : this.instrument
  }

  /** Resolves once the instrument is closed after the signal was aborted. */
  closed(): Promise<void> {
    return this.#done
  }

  async #keep(
    connect: (signal: AbortSignal) => Promise<I>,
    told: { connected(instrument: I): void; failed(reason: string): void },
    signal: AbortSignal,
  ): Promise<void> {
    for (let attempt = 0; !signal.aborted; attempt++) {
      const began = performance.now()
      let instrument: I | undefined
      let retryMs: number | undefined
      try {
        instrument = await connect(signal)
        this.#instrument = instrument
        this.#changed.resolve()
        this.#changed = Promise.withResolvers<void>()
        told.connected(instrument)
        this.#tried.resolve()
        this.#reason = await ended(instrument, signal)
        if (!signal.aborted) told.failed(this.#reason)
      } catch (error) {
        if (signal.aborted) break
        retryMs = error instanceof TransportError ? error.retryMs : undefined
        const reason = messageOf(error)
        if (reason !== this.#reason) told.failed(reason)
        this.#reason = reason
        // A failed search for a missing port says nothing about later attempts, so it does not lengthen the
        // wait.
        if (retryMs !== undefined) attempt--
      }
      this.#tried.resolve()
      this.#instrument = undefined
      this.#failed.resolve()
      this.#failed = Promise.withResolvers<void>()
      await (instrument as Linked | undefined)?.link?.close().catch(() => {})
      if (instrument) attempt = 0
      const left = instrument ? began + LEAST_MS - performance.now() : 0
      if (!signal.aborted)
        await pause(retryMs ?? Math.max(backoff(attempt, FIRST_MS, LONGEST_MS), left), signal)
    }
  }
}

/** Resolves with the reason when an instrument's link closes, if it has one, or the signal aborts. */
function ended(instrument: object, signal: AbortSignal): Promise<string> {
  const link = (instrument as Linked).link?.closed
  return new Promise((resolve) => {
    const done = () => {
      link?.removeEventListener('abort', done)
      signal.removeEventListener('abort', done)
      resolve(link?.aborted ? messageOf(link.reason) : 'stopped')
    }
    if (link?.aborted || signal.aborted) return done()
    link?.addEventListener('abort', done)
    signal.addEventListener('abort', done)
  })
}
