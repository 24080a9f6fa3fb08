import { HTTPException } from 'hono/http-exception'

/** Maximum concurrent sign-ins, per address and in total. */
const [OF_ONE, OF_ALL] = [4, 20]

/**
 * Limits the sign-ins in progress, since each takes a connection to the hub: one address cannot take every
 * place.
 */
export class Busy {
  readonly #under = new Map<string, number>()
  #all = 0

  /** @throws HTTPException 429 if the address has reached its limit, 503 if the total is reached */
  async run<T>(address: string, work: () => Promise<T>): Promise<T> {
    const now = this.#under.get(address) ?? 0
    if (now >= OF_ONE)
      throw new HTTPException(429, {
        message: 'several sign-ins from this address are in progress: wait for the answer',
      })
    if (this.#all >= OF_ALL)
      throw new HTTPException(503, { message: 'too many people are signing in: try again in a moment' })
    this.#under.set(address, now + 1)
    this.#all++
    try {
      return await work()
    } finally {
      this.#all--
      const left = (this.#under.get(address) ?? 1) - 1
      if (left > 0) this.#under.set(address, left)
      else this.#under.delete(address)
    }
  }
}
