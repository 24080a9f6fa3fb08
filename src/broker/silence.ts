import type { Client } from 'aedes'

/** Milliseconds from one look to the next. */
const LOOK_MS = 1000
/** What this needs of Aedes' own keep-alive. */
interface Inside {
  _keepaliveInterval: number
  _keepaliveTimer?: NodeJS.Timeout | null
  readonly _parser: NodeJS.EventEmitter
}

/**
 * Cuts clients that are silent for longer than their keep-alive allows. Time goes by looks: Aedes has a timer for each client, and after
 * a hub had stood still for seconds all of them were due before it read what its clients had sent meanwhile, so that it cut them all.
 */
export class Silence implements Disposable {
  /** How many more looks each may be silent. */
  readonly #left = new Map<Client, number>()
  #timer: Timer | undefined

  /** Looks after a client that has been let in, until its connection ends. */
  watch(client: Client): void {
    const inside = client as unknown as Inside
    const ms = inside._keepaliveInterval
    if (ms <= 0) return
    clearTimeout(inside._keepaliveTimer ?? undefined)
    inside._keepaliveTimer = null
    inside._keepaliveInterval = -1
    // One and a half times what the client has said (MQTT 3.1.1 §3.1.2.10).
    const looks = Math.ceil(ms / LOOK_MS)
    const heard = () => void this.#left.set(client, looks)
    heard()
    inside._parser.on('packet', heard)
    client.conn.once('close', () => {
      this.#left.delete(client)
      if (this.#left.size === 0) this[Symbol.dispose]()
    })
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS)
  }

  #look(): void {
    for (const [client, left] of this.#left) {
      // What it has sent may have to wait until it is read.
      if (client.conn.readableLength > 0) continue
      if (left > 0) this.#left.set(client, left - 1)
      else client.emit('error', new Error('keep alive timeout'))
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
