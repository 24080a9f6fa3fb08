/** How many times a wait is doubled at most. */
const MOST = 5
/** Seconds: the hub is asked for a sign of life each; half of it again without an answer is a lost connection. */
const [KEEPALIVE, LONGEST_KEEPALIVE] = [5, 40]
/** Milliseconds that an attempt may take: an answer of the system of that host, then one of the hub. */
export const OPEN_MS = 5000
const LONGEST_ANSWER_MS = 40_000
/** Milliseconds from one attempt to the next. */
const RETRY_MS = 250
/** Milliseconds of a connection that make up for one doubling. */
const CALM_MS = 600_000

/**
 * How long a client waits for its hub. Where the hub, or the client's own process, does not get to its work for seconds, every
 * client that gives up and comes again makes that worse: so each waits twice as long each time, up to a bound.
 */
export class Patience {
  #doubled = 0
  /** Attempts in a row that the hub has not answered. */
  #unanswered = 0
  #joined: number | undefined

  /** Seconds between signs of life of the next connection. */
  get keepalive(): number {
    return Math.min(LONGEST_KEEPALIVE, KEEPALIVE * 2 ** this.#doubled)
  }

  /** Milliseconds that the hub has for its answer to the next attempt. */
  get answerMs(): number {
    return Math.min(LONGEST_ANSWER_MS, OPEN_MS * 2 ** this.#doubled)
  }

  /** Milliseconds until the next attempt; a hub that is not there is no busier for being asked. */
  get pauseMs(): number {
    return RETRY_MS * 2 ** Math.min(MOST, this.#unanswered)
  }

  /** A sign of life came too late, or this process to hear of it. */
  late(): void {
    this.#doubled = Math.min(MOST, this.#doubled + 1)
  }

  /** The hub is there, and has no time for this client. */
  unanswered(): void {
    this.#unanswered++
    this.late()
  }

  /** Nothing listens there. */
  absent(): void {
    this.#unanswered = 0
  }

  /** The hub has let this client in. @param now ms */
  joined(now: number): void {
    this.#unanswered = 0
    this.#joined = now
  }

  /** The connection has ended; how long it lasted makes up for what was late before. @param now ms */
  left(now: number): void {
    const calm = Math.floor((now - (this.#joined ?? now)) / CALM_MS)
    this.#doubled = Math.max(0, this.#doubled - calm)
    this.#joined = undefined
  }
}

/** A pause that a crowd does not end at the same moment: from half of it to half as much again, by chance. */
export function spread(ms: number, chance: number = Math.random()): number {
  return Math.round(ms * (0.5 + chance))
}

/**
 * Timers for mqtt.js' signs of life. One that comes late says that this process stood still: what the hub has sent meanwhile has not
 * been read yet, so that it does not count.
 * @param late hears of it
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
