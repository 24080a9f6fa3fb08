import { type Caller, type HeldLock, holds, type Lock, lockedText } from '../core/access.ts'
import type { LockAnswer } from '../core/built-in.ts'
import { OpError } from '../core/errors.ts'

/** An agent's exclusive grant: one holder at a time, until the holder returns it or it expires. */
export class AgentLock {
  #lock: HeldLock | undefined
  /** On the monotonic clock, ms. */
  #deadline = 0
  #timer: Timer | undefined
  readonly #changed: () => void

  /** @param changed called when it is granted, renewed, returned or expired */
  constructor(changed: () => void) {
    this.#changed = changed
  }

  /** The holder with the key; undefined if nobody holds it. */
  get held(): HeldLock | undefined {
    return performance.now() < this.#deadline ? this.#lock : undefined
  }

  /** The holder, for everyone to read. */
  get shown(): Lock | undefined {
    if (!this.held) return undefined
    const { holder, by, until } = this.held
    return { holder, by, until }
  }

  /**
   * Grants it for some seconds from now, or renews it.
   * @throws OpError when another client holds it
   */
  lock(caller: Caller, seconds: number, by = caller.by ?? caller.client): LockAnswer {
    const { held } = this
    if (held && !holds(caller, held)) throw new OpError(`Not done: ${lockedText(held)}.`)
    const { holder, key, principal } = held ?? {
      ...{ holder: caller.client, principal: caller.principal, key: crypto.randomUUID() },
    }
    const until = Date.now() / 1000 + seconds
    this.#keep({ holder, by, until, key, principal }, seconds * 1000)
    return { holder, by, until, key }
  }

  /**
   * Returns it.
   * @throws OpError when another client holds it, unless forced by a caller of level 3
   */
  unlock(caller: Caller, force: boolean): void {
    const { held } = this
    if (!held) return
    const may = holds(caller, held) || (force && caller.level >= 3)
    if (!may) throw new OpError(`Not done: ${lockedText(held)}.`)
    this.#keep(undefined, 0)
  }

  /** Drops the grant without calling `changed`. */
  close(): void {
    clearTimeout(this.#timer)
    this.#lock = undefined
  }

  #keep(lock: HeldLock | undefined, ms: number): void {
    clearTimeout(this.#timer)
    this.#lock = lock
    this.#deadline = performance.now() + ms
    if (lock) this.#timer = setTimeout(() => this.#keep(undefined, 0), ms)
    this.#changed()
  }
}
