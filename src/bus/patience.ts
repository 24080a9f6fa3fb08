/** The most times that a wait is doubled. */
const MOST = 5
/**
 * Seconds between keep-alive pings to the hub; without an answer for half of that again the connection is
 * lost.
 */
const [KEEPALIVE, LONGEST_KEEPALIVE] = [5, 40]
/**
 * Milliseconds that an attempt may take: first for an answer of the host's system, then for one of the hub.
 */
export const OPEN_MS = 5000
const LONGEST_ANSWER_MS = 40_000
/** Milliseconds between attempts. */
const RETRY_MS = 250
/** Milliseconds of a connection that undo one doubling. */
const CALM_MS = 600_000

/**
 * How long a client waits for its hub. When the hub or the client's own process is stalled for seconds, every
 * client that gives up and reconnects adds to the load: so each wait is twice the last one, up to a limit.
 */
export class Patience {
  #doubled = 0
  /** Consecutive attempts that the hub has not answered. */
  #unanswered = 0
  #joined: number | undefined

  /** Keep-alive interval of the next connection, s. */
  get keepalive(): number {
    return Math.min(LONGEST_KEEPALIVE, KEEPALIVE * 2 ** this.#doubled)
  }

  /** Milliseconds that the hub has to answer the next attempt. */
  get answerMs(): number {
    return Math.min(LONGEST_ANSWER_MS, OPEN_MS * 2 ** this.#doubled)
  }

  /**
   * Milliseconds until the next attempt. An absent hub cannot be overloaded, so only unanswered attempts
   * lengthen it.
   */
  get pauseMs(): number {
    return RETRY_MS * 2 ** Math.min(MOST, this.#unanswered)
  }

  /** A keep-alive answer was late, or this process was late to read it. */
  late(): void {
    this.#doubled = Math.min(MOST, this.#doubled + 1)
  }

  /** The host accepted the connection, but the hub did not answer in time. */
  unanswered(): void {
    this.#unanswered++
    this.late()
  }

  /** Nothing accepted the connection. */
  absent(): void {
    this.#unanswered = 0
  }

  /**
   * The hub has admitted this client.
   * @param now ms
   */
  joined(now: number): void {
    this.#unanswered = 0
    this.#joined = now
  }

  /**
   * The connection has ended; its duration undoes earlier doublings.
   * @param now ms
   */
  left(now: number): void {
    const calm = Math.floor((now - (this.#joined ?? now)) / CALM_MS)
    this.#doubled = Math.max(0, this.#doubled - calm)
    this.#joined = undefined
  }
}

/**
 * A random pause from half to one and a half times `ms`, so that many clients do not return at the same
 * moment.
 */
export function spread(ms: number, chance: number = Math.random()): number {
  return Math.round(ms * (0.5 + chance))
}

/**
 * Timers for mqtt.js's keep-alive. A timer that fires late means that this process stood still and has not
 * yet read what the hub sent meanwhile, so that keep-alive check is skipped.
 * @param late called when that happens
 * @param now ms
 */
export function fairTimers(late: () => void, now: () => number = () => performance.now()) {
  return {
    set(call: () => void, ms: number): Timer {
      let due = now() + ms
      return setInterval(() => {
        const isLate = now() - due > ms / 2
        due = now() + ms
        if (isLate) late()
        else call()
      }, ms)
    },
    clear: (timer: Timer) => clearInterval(timer),
  }
}
