import type { Duplex } from 'node:stream'
import type { Aedes, Client } from 'aedes'
import { collectAfter } from '../core/collect.ts'
import { writeJointly } from '../machine/joint-writes.ts'
import { placeOf } from '../principals/place.ts'
import { shield } from './connection-guard.ts'
import { ReadBudget } from './read-budget.ts'
import { Silence } from './silence.ts'
import { WaitingRoom } from './waiting-room.ts'

/** Number of closed connections after which garbage is collected. */
const COLLECT_AFTER = 1000

/** The identity of an admitted client, as needed for its read budget. */
export interface Admitted {
  readonly principal: string
  /** Limited in what it may do, but not in how much: the account that runs the hub. */
  readonly isFree: boolean
  /** It has no known identity and is counted by its address. */
  readonly isStranger: boolean
}

/** The connections of a hub, over TCP and WebSocket, each handed to the broker. */
export class Connections {
  readonly #broker: Aedes
  readonly #origins: WeakMap<Duplex, string>
  readonly #log: (text: string) => void
  readonly #open = new Set<Duplex>()
  /** Connections whose CONNECT has been accepted, with their read budget. */
  readonly #admitted = new WeakMap<Duplex, { readonly budget: ReadBudget | undefined }>()
  readonly #budgets = new Map<string, ReadBudget>()
  readonly #silence = new Silence()
  readonly #collect = collectAfter(COLLECT_AFTER)
  /** Connections that have not been admitted yet. */
  readonly waiting: WaitingRoom

  /**
   * @param origins receives the address of each connection
   * @param who gives the identity of a client
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
    // Not when CONNACK is written: that may be delayed, and an admitted client must not be cut meanwhile as
    // still waiting.
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
    // No principal has a blank in its name, so the two kinds of keys differ.
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

  /** Makes the broker disconnect its clients, and closes every connection. */
  async end(): Promise<void> {
    this.#silence[Symbol.dispose]()
    await new Promise<void>((resolve) => this.#broker.close(resolve))
    for (const conn of this.#open) conn.destroy()
  }
}

/**
 * Grants QoS 1 to a client that asks for QoS 2: Aedes answers with the packet's QoS before it calls its hook.
 */
function lowerQos(client: Client): void {
  const { _parser: parser } = client as unknown as { _parser: NodeJS.EventEmitter }
  parser.prependListener('packet', (packet: { cmd: string; subscriptions?: { qos: number }[] }) => {
    if (packet.cmd !== 'subscribe') return
    for (const subscription of packet.subscriptions ?? []) subscription.qos = Math.min(subscription.qos, 1)
  })
}
