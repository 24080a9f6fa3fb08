import type { Client } from 'aedes'

/** Clients that wait for the token of their log-in: of one person, and in all. */
const [OF_ONE, OF_ALL] = [4, 64]

/**
 * Clients that have logged in. Each is there for its token alone: it is cut once it has that, and earlier where it does not
 * fetch it, by those that come later. They hold no place of the lab's own clients, and so nothing else counts them.
 */
export class LogInClients {
  /** Each with whose password it showed, the oldest first. */
  readonly #open = new Map<Client, string>()

  /** Another has logged in. */
  came(client: Client, name: string): void {
    this.#open.set(client, name)
    const own = [...this.#open].filter(([, whose]) => whose === name).map(([each]) => each)
    const over = own.length > OF_ONE ? own[0] : [...this.#open.keys()].at(-OF_ALL - 1)
    if (over) this.done(over)
  }

  /** It has acknowledged its token. Another client's word changes nothing. */
  done(client: Client): void {
    if (this.#open.delete(client)) client.close()
  }

  /** It has gone by itself. */
  left(client: Client): void {
    this.#open.delete(client)
  }
}
