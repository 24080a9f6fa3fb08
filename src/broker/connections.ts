import type { Duplex } from 'node:stream'
import type { Aedes, Client } from 'aedes'
import { collectAfter } from '../core/collect.ts'
import { shield } from './connection-guard.ts'
import { limits } from './limits.ts'

/** Connections that end before what they leave behind is collected. */
const COLLECT_AFTER = 1000

/** The connections of a hub, over TCP and WebSocket: as many as there is room for, each handed to the broker. */
export class Connections {
  readonly #broker: Aedes
  readonly #origins: WeakMap<Duplex, string>
  readonly #log: (text: string) => void
  readonly #open = new Set<Duplex>()
  /** Those whose CONNECT has been accepted. */
  readonly #admitted = new WeakSet<Duplex>()
  readonly #collect = collectAfter(COLLECT_AFTER)

  /** @param origins is told where each connection comes from */
  constructor(broker: Aedes, origins: WeakMap<Duplex, string>, log: (text: string) => void) {
    this.#broker = broker
    this.#origins = origins
    this.#log = log
    broker.on('connackSent', ({ returnCode }, { conn }) => returnCode === 0 && this.#admitted.add(conn))
  }

  /** Whether another connection is taken now. */
  room(): boolean {
    if (this.#open.size < limits.connections) return true
    this.#log(`a connection was refused: all ${limits.connections} are taken`)
    return false
  }

  take(conn: Duplex, from: string): void {
    this.#open.add(conn)
    conn.once('close', () => {
      this.#open.delete(conn)
      this.#collect()
    })
    this.#origins.set(conn, from)
    lowerQos(this.#broker.handle(shield(conn, () => this.#admitted.has(conn))))
  }

  /** Has the broker take leave of its clients, and ends every connection. */
  async end(): Promise<void> {
    await new Promise<void>((resolve) => this.#broker.close(resolve))
    for (const conn of this.#open) conn.destroy()
  }
}

/** Grants QoS 1 to who asks for QoS 2: Aedes answers with what the packet says before it asks its hook. */
function lowerQos(client: Client): void {
  const { _parser: parser } = client as unknown as { _parser: NodeJS.EventEmitter }
  parser.prependListener('packet', (packet: { cmd: string; subscriptions?: { qos: number }[] }) => {
    if (packet.cmd !== 'subscribe') return
    for (const subscription of packet.subscriptions ?? []) subscription.qos = Math.min(subscription.qos, 1)
  })
}
