import { HTTPException } from 'hono/http-exception'

/** Sign-ins that are under way at a time, of one address and of all. */
const [OF_ONE, OF_ALL] = [4, 20]

/** Keeps few sign-ins under way, since each costs the hub a connection: one address cannot take all room. */
export class Busy {
  readonly #under = new Map<string, number>()
  #all = 0

  /** @throws HTTPException 429 for an address that has as many under way as it may, 503 when all have */
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
