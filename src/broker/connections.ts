import type { Duplex } from 'node:stream'
import type { Aedes, Client } from 'aedes'
import { collectAfter } from '../core/collect.ts'
import { writeJointly } from '../machine/joint-writes.ts'
import { placeOf } from '../principals/place.ts'
import { shield } from './connection-guard.ts'
import { ReadBudget } from './read-budget.ts'
import { Silence } from './silence.ts'
import { WaitingRoom } from './waiting-room.ts'

/** Connections that end before what they leave behind is collected. */
const COLLECT_AFTER = 1000

/** Who a client that has been let in is, as far as what is read of it goes. */
export interface Admitted {
  readonly principal: string
  /** What it may do counts, not how much: the account that runs the hub. */
  readonly isFree: boolean
  /** Nobody knows who it is; its address stands for it. */
  readonly isStranger: boolean
}

/** The connections of a hub, over TCP and WebSocket, each handed to the broker. */
export class Connections {
  readonly #broker: Aedes
  readonly #origins: WeakMap<Duplex, string>
  readonly #log: (text: string) => void
  readonly #open = new Set<Duplex>()
  /** Those whose CONNECT has been accepted, with what is read of them in a second. */
  readonly #admitted = new WeakMap<Duplex, { readonly budget: ReadBudget | undefined }>()
  readonly #budgets = new Map<string, ReadBudget>()
  readonly #silence = new Silence()
  readonly #collect = collectAfter(COLLECT_AFTER)
  /** Those that have not been let in yet. */
  readonly waiting: WaitingRoom

  /**
   * @param origins is told where each connection comes from
   * @param who says who a client is
   */
  constructor(
    broker: Aedes,
    origins: WeakMap<Duplex, string>,
    who: (client: Client) => Admitted,
    log: (text: string) => void,
  ) {
    this.#broker = broker
    this.#origins = origins
    this.#log = log
    this.waiting = new WaitingRoom(log)
    // Not once CONNACK is written: it may wait a moment to be, in which who has been let in must not be cut as waiting.
    broker.on('client', (client) => {
      const { conn } = client
      const from = origins.get(conn) ?? ''
      this.waiting.leave(conn, from)
      this.#admitted.set(conn, { budget: this.#budgetOf(who(client), from) })
      this.#silence.watch(client)
    })
  }

  /** Takes a connection that is in the waiting room. */
  take(conn: Duplex, from: string): void {
    this.#open.add(conn)
    conn.once('close', () => {
      this.#open.delete(conn)
      this.#collect()
    })
    this.#origins.set(conn, from)
    const keeper = {
      admitted: () => this.#admitted.has(conn),
      budget: () => this.#admitted.get(conn)?.budget,
    }
    lowerQos(this.#broker.handle(shield(writeJointly(conn), keeper)))
  }

  #budgetOf({ principal, isFree, isStranger }: Admitted, from: string): ReadBudget | undefined {
    if (isFree) return undefined
    // No principal has a blank in its name.
    const whose = isStranger ? `at ${placeOf(from)}` : principal
    const known = this.#budgets.get(whose)
    if (known) return known
    const words = isStranger ? `clients without credentials ${whose}` : `clients of ${principal}`
    const budget = new ReadBudget(() =>
      this.#log(`${words} send faster than they are read, and have to wait`),
    )
    this.#budgets.set(whose, budget)
    return budget
  }

  /** Has the broker take leave of its clients, and ends every connection. */
  async end(): Promise<void> {
    this.#silence[Symbol.dispose]()
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
