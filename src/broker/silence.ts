import type { Client } from 'aedes'

/** Milliseconds between checks. */
const LOOK_MS = 1000
/** The private parts of Aedes's keep-alive that are used here. */
interface Inside {
  _keepaliveInterval: number
  _keepaliveTimer?: NodeJS.Timeout | null
  readonly _parser: NodeJS.EventEmitter
}

/**
 * Disconnects clients that are silent for longer than their keep-alive allows. Silence is counted in checks.
 * Aedes has a timer for each client instead: after the hub had stood still for seconds, all of them were due
 * before it had read what its clients had sent meanwhile, so it disconnected them all.
 */
export class Silence implements Disposable {
  /** How many more checks each client may be silent. */
  readonly #left = new Map<Client, number>()
  #timer: Timer | undefined

  /** Watches an admitted client until its connection ends. */
  watch(client: Client): void {
    const inside = client as unknown as Inside
    const ms = inside._keepaliveInterval
    if (ms <= 0) return
    clearTimeout(inside._keepaliveTimer ?? undefined)
    inside._keepaliveTimer = null
    inside._keepaliveInterval = -1
    // One and a half times the keep-alive that the client announced (MQTT 3.1.1 §3.1.2.10).
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
      // Data that it sent may be waiting to be read.
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
