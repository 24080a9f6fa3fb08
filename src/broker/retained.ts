import { Readable } from 'node:stream'
import { DRAIN } from '../core/names.ts'
import { fitting } from './filters.ts'
import { limits } from './limits.ts'

/** A retained message from the broker; the fields used here. */
export interface Kept {
  readonly cmd?: string
  readonly topic: string
  readonly payload: string | Buffer
  readonly qos?: number
}
interface Sum {
  messages: number
  bytes: number
}

/**
 * The hub's whole memory: the last retained message of each topic, bounded. It has the interface of an Aedes
 * persistence; sessions are always clean here, so there are no queues and no stored subscriptions, and a last
 * will lives with its connection.
 */
export class Retained {
  readonly #root: string
  readonly #packets = new Map<string, Kept>()
  readonly #total: Sum = { messages: 0, bytes: 0 }
  readonly #instances = new Map<string, Sum>()
  /** Gets each stream of retained messages before it is sent. */
  onStream: (stream: Readable) => Readable = (stream) => stream

  /** @param root the address root; all other topics belong to devices */
  constructor(root: string) {
    this.#root = root
  }

  /** Why a message cannot be retained; undefined if it can be, or replaces another. */
  refuse({ topic, payload }: Kept): string | undefined {
    if (payload.length === 0) return undefined
    const before = this.#packets.get(topic)
    const more = { messages: before ? 0 : 1, bytes: size({ topic, payload }) - (before ? size(before) : 0) }
    const own = this.#instances.get(this.#owner(topic)) ?? { messages: 0, bytes: 0 }
    if (own.messages + more.messages > limits.instance_retained_messages)
      return `it already has ${own.messages} retained messages here, the limit for one instance-id`
    if (own.bytes + more.bytes > limits.instance_retained_bytes)
      return `its retained messages would take more than ${limits.instance_retained_bytes} bytes here`
    if (
      this.#total.messages + more.messages > limits.retained_messages ||
      this.#total.bytes + more.bytes > limits.retained_bytes
    )
      return `the hub is full: it holds ${this.#total.messages} retained messages, ${this.#total.bytes} bytes`
    return undefined
  }

  async storeRetained(packet: Kept): Promise<void> {
    const before = this.#packets.get(packet.topic)
    if (before) this.#count(before, -1)
    this.#packets.delete(packet.topic)
    if (packet.payload.length === 0 || this.refuse(packet) !== undefined) return
    const { cmd = 'publish', topic, payload, qos = 0 } = packet
    // A copy: the payload is a view of the whole buffer it was read with, which would stay in memory too.
    this.#packets.set(topic, { cmd, topic, payload: Buffer.from(payload as Buffer), qos })
    this.#count(packet, 1)
  }

  createRetainedStreamCombi(filters: readonly string[]): Readable {
    return this.onStream(Readable.from(this.#matching(filters)))
  }

  *#matching(filters: readonly string[]): Generator<Kept> {
    const fits = fitting(filters)
    for (const packet of this.#packets.values()) if (fits(packet.topic)) yield packet
  }

  #count(packet: Kept, sign: 1 | -1): void {
    const name = this.#owner(packet.topic)
    const own = this.#instances.get(name) ?? { messages: 0, bytes: 0 }
    this.#instances.set(name, own)
    for (const sum of [this.#total, own]) {
      sum.messages += sign
      sum.bytes += sign * size(packet)
    }
    if (own.messages === 0) this.#instances.delete(name)
  }

  /**
   * The owner of a topic: the instance-id in it. The many ids under which spools of an agent are drained
   * count as the agent. Topics outside the lab's root count together by first level, under a name that no
   * instance has.
   */
  #owner(topic: string): string {
    const [first = '', id = ''] = topic.split('/', 2)
    return first === this.#root ? id.replace(DRAIN, '') : `${first}/`
  }

  // The rest of the interface: nothing is stored, so nothing is found.
  async setup(): Promise<void> {}
  async destroy(): Promise<void> {}
  async addSubscriptions(): Promise<void> {}
  async removeSubscriptions(): Promise<void> {}
  async cleanSubscriptions(): Promise<void> {}
  async subscriptionsByClient(): Promise<never[]> {
    return []
  }
  async subscriptionsByTopic(): Promise<never[]> {
    return []
  }
  async outgoingEnqueue(): Promise<void> {}
  async outgoingEnqueueCombi(): Promise<void> {}
  async outgoingUpdate(): Promise<void> {}
  async outgoingClearMessageId(): Promise<undefined> {
    return undefined
  }
  outgoingStream(): Readable {
    return Readable.from([])
  }
  async incomingStorePacket(): Promise<void> {}
  async incomingGetPacket(): Promise<never> {
    throw new Error('no such packet')
  }
  async incomingDelPacket(): Promise<never> {
    throw new Error('no such packet')
  }
  async putWill(): Promise<void> {}
  async delWill(): Promise<undefined> {
    return undefined
  }
  streamWill(): Readable {
    return Readable.from([])
  }
}

/** The size counted for a message, in bytes: topic, payload, and about the overhead of an entry. */
function size({ topic, payload }: Kept): number {
  return topic.length + Buffer.byteLength(payload) + 200
}
