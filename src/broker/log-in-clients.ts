import type { Client } from 'aedes'

/** The most clients that wait for the token of their log-in: of one person, and in total. */
const [OF_ONE, OF_ALL] = [4, 64]

/**
 * Clients that have logged in. Each is connected only to get its token: it is disconnected once it has it, or
 * earlier when it does not fetch it and later clients need the room. They are not counted among the lab's own
 * clients, so their number is limited here.
 */
export class LogInClients {
  /** Clients by the name they logged in with, the oldest first. */
  readonly #open = new Map<Client, string>()

  /** A client has logged in. */
  came(client: Client, name: string): void {
    this.#open.set(client, name)
    const own = [...this.#open].filter(([, whose]) => whose === name).map(([each]) => each)
    const over = own.length > OF_ONE ? own[0] : [...this.#open.keys()].at(-OF_ALL - 1)
    if (over) this.done(over)
  }

  /** The client has acknowledged its token. An acknowledgement of another client changes nothing. */
  done(client: Client): void {
    if (this.#open.delete(client)) client.close()
  }

  /** The client has disconnected by itself. */
  left(client: Client): void {
    this.#open.delete(client)
  }
}
