import { backoff } from '../core/backoff.ts'
import { UsageError } from '../core/errors.ts'
import { isLoopback } from '../core/host-port.ts'
import { addressAlone, placeOf } from './place.ts'

/**
 * Passwords that are checked at a time, since each takes 64 MiB and a processor; and how many more may wait: of whoever has
 * most waiting the last makes room for an address that has fewer, so that who guesses keeps nobody elsewhere out.
 */
const [AT_ONCE, MAX_WAITING] = [2, 10]
/** Failures after which one has to wait: 1 s, then twice as long each time, 60 s at most. */
const FREE_FAILURES = 3
const LONGEST_MS = 60_000
/** Guessers of whom failures are remembered at most. */
const MAX_KNOWN = 10_000

/** Characters of a password, at least and at most. */
const [SHORTEST, LONGEST] = [8, 200]

/** What is kept of a password. @throws UsageError for one that will not do */
export async function hashOf(password: string): Promise<string> {
  if (password.length < SHORTEST || password.length > LONGEST) {
    throw new UsageError(
      `a password has ${SHORTEST} to ${LONGEST} characters; this one has ${password.length}`,
    )
  }
  return await Bun.password.hash(password, 'argon2id')
}

/** Why a password is not checked now: its guesser has to wait so many seconds, or, without any, too many come at once. */
export class NotNow extends Error {
  override readonly name = 'NotNow'
  readonly seconds: number | undefined

  constructor(seconds?: number) {
    super(
      seconds === undefined
        ? 'too many people are signing in: try again in a moment'
        : `too many wrong passwords: try again in ${seconds} s`,
    )
    this.seconds = seconds
  }
}

/** Somebody who waits until there is a processor. */
interface Turn {
  readonly place: string
  come(): void
  leave(): void
}

/** Checks passwords, few at a time; who is wrong again and again waits longer each time. */
export class Passwords {
  readonly #now: () => number
  readonly #failures = new Map<string, { readonly count: number; readonly until: number }>()
  readonly #waiting: Turn[] = []
  #running = 0
  // Who guesses names hears no sooner that there is none. A hash takes 64 MB for a moment: not before someone asks.
  #nobody: Promise<string> | undefined

  /** @param now the monotonic clock, ms */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /**
   * Whether a password is the one of a hash; never, without one.
   * @param name who, whose failures count together with the address; of this machine there is one, of which a guesser has many
   * @param from an address, with its port or without
   * @throws NotNow
   */
  async check(name: string, from: string, password: string, hash: string | undefined): Promise<boolean> {
    const place = placeOf(from)
    const guesser = `${isLoopback(addressAlone(from)) ? place : addressAlone(from)} ${name}`
    const failed = this.#failures.get(guesser)
    const left = (failed?.until ?? 0) - this.#now()
    if (left > 0) throw new NotNow(Math.ceil(left / 1000))
    if (this.#running >= AT_ONCE && this.#waiting.length >= MAX_WAITING) this.#makeRoom(place)
    // Before the check, or many at once would be free.
    const count = (failed?.count ?? 0) + 1
    const wait = count < FREE_FAILURES ? 0 : backoff(count - FREE_FAILURES, 1000, LONGEST_MS)
    this.#failures.delete(guesser)
    this.#failures.set(guesser, { count, until: this.#now() + wait })
    if (this.#failures.size > MAX_KNOWN) this.#failures.delete([...this.#failures.keys()][0] ?? '')
    void this.#nobodys()
    const right = await this.#verify(place, password, hash).catch((error: unknown) => {
      // It was not looked at.
      if (failed) this.#failures.set(guesser, failed)
      else this.#failures.delete(guesser)
      throw error
    })
    if (!right || hash === undefined) return false
    this.#failures.delete(guesser)
    return true
  }

  #nobodys(): Promise<string> {
    this.#nobody ??= Bun.password.hash(crypto.randomUUID(), 'argon2id')
    return this.#nobody
  }

  /** Whose address has fewest waiting comes first, so that nobody stands behind one who guesses. */
  #nextTurn(): Turn | undefined {
    const all = [...Map.groupBy(this.#waiting, ({ place }) => place).values()]
    const [next] = all.length > 0 ? all.reduce((a, b) => (b.length < a.length ? b : a)) : []
    if (next) this.#waiting.splice(this.#waiting.indexOf(next), 1)
    return next
  }

  /** @throws NotNow when nobody has more waiting than this address would have */
  #makeRoom(place: string): void {
    const all = Map.groupBy(this.#waiting, (turn) => turn.place)
    const most = [...all.values()].reduce((a, b) => (b.length > a.length ? b : a))
    const last = most.at(-1)
    if (last === undefined || most.length <= (all.get(place)?.length ?? 0) + 1) throw new NotNow()
    this.#waiting.splice(this.#waiting.indexOf(last), 1)
    last.leave()
  }

  async #verify(place: string, password: string, hash: string | undefined): Promise<boolean> {
    if (this.#running >= AT_ONCE) {
      await new Promise<void>((come, refuse) =>
        this.#waiting.push({ place, come, leave: () => refuse(new NotNow()) }),
      )
    } else this.#running++
    try {
      return await Bun.password.verify(password, hash ?? (await this.#nobodys()))
    } finally {
      const next = this.#nextTurn()
      if (next) next.come()
      else this.#running--
    }
  }
}
