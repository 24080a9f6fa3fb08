import type { z } from 'zod'
import { type Address, type Channel, topic } from '../core/topic.ts'
import type { Bus, BusOptions, Listener, More } from './bus.ts'
import { Mailbox } from './mailbox.ts'

interface Member {
  readonly mailbox: Mailbox
  readonly filters: Set<string>
  readonly status: Set<(connected: boolean, reason?: string) => void>
  connected: boolean
  disposed: boolean
  /** QoS 1 messages that wait for the hub to come back. */
  readonly unsent: (() => void)[]
}

/** A hub in memory for tests: same delivery as MQTT (wildcards, retained, JSON both ways), no sockets. */
export class MemoryHub {
  readonly #members = new Set<Member>()
  readonly #retained = new Map<string, string>()
  #up = true

  /** A bus of a new client on this hub. */
  connect(client: string, options: BusOptions = {}): Bus {
    const member: Member = {
      mailbox: new Mailbox(options),
      filters: new Set(),
      status: new Set(),
      connected: this.#up,
      disposed: false,
      unsent: [],
    }
    this.#members.add(member)
    const send = (name: string, text: string, { qos, retain }: Channel): Promise<void> => {
      if (!member.connected && (qos === 0 || member.disposed)) return Promise.resolve()
      return new Promise((resolve) => {
        const now = () => {
          this.#publish(name, text, retain)
          resolve()
        }
        if (member.connected) now()
        else member.unsent.push(now)
      })
    }
    return {
      client,
      get connected() {
        return member.connected
      },
      publish<P extends string, S extends z.ZodType>(
        to: Channel<P, S>,
        address: Address<P>,
        payload: z.input<S>,
      ) {
        return send(topic(to, address), JSON.stringify(payload), to)
      },
      publishText<P extends string>(to: Channel<P>, address: Address<P>, text: string) {
        return send(topic(to, address), text, to)
      },
      clear<P extends string>(to: Channel<P>, address: Address<P>) {
        return send(topic(to, address), '', to)
      },
      subscribe: async <P extends string, S extends z.ZodType>(
        to: Channel<P, S>,
        address: Partial<Address<P>>,
        listener: Listener<P, S>,
        more?: More<P, S>,
      ) => {
        const filter = topic(to, address)
        const remove = member.mailbox.add(to, address, listener, more)
        member.filters.add(filter)
        if (member.connected) this.#sendRetained(member, filter)
        return { [Symbol.asyncDispose]: async () => remove() }
      },
      onConnected(listener) {
        member.status.add(listener)
        listener(member.connected)
        return { [Symbol.dispose]: () => member.status.delete(listener) }
      },
      [Symbol.asyncDispose]: async () => {
        member.connected = false
        member.disposed = true
        this.#members.delete(member)
      },
    }
  }

  /** Publishes text unchanged, as a foreign client would. */
  say(name: string, text: string, { retain = false } = {}): void {
    if (this.#up) this.#publish(name, text, retain)
  }

  /** The hub dies: nothing is delivered, and retained messages are lost. */
  stop(): void {
    this.#up = false
    this.#retained.clear()
    this.#tell(false, 'the hub stopped')
  }

  /** The hub is back, empty. */
  start(): void {
    this.#up = true
    this.#tell(true)
    for (const member of this.#members)
      for (const filter of member.filters) this.#sendRetained(member, filter)
    for (const member of this.#members) for (const now of member.unsent.splice(0)) now()
  }

  #tell(connected: boolean, reason?: string): void {
    for (const member of this.#members) {
      member.connected = connected
      for (const listener of member.status) listener(connected, reason)
    }
  }

  #publish(name: string, text: string, retain: boolean): void {
    if (retain && text === '') this.#retained.delete(name)
    else if (retain) this.#retained.set(name, text)
    for (const member of this.#members) {
      if ([...member.filters].some((filter) => matches(filter, name))) {
        queueMicrotask(() => member.connected && member.mailbox.deliver(name, text, false))
      }
    }
  }

  #sendRetained(member: Member, filter: string): void {
    for (const [name, text] of this.#retained) {
      if (matches(filter, name)) queueMicrotask(() => member.mailbox.deliver(name, text, true))
    }
  }
}

function matches(filter: string, name: string): boolean {
  const wanted = filter.split('/')
  const levels = name.split('/')
  return wanted.length === levels.length && wanted.every((part, at) => part === '+' || part === levels[at])
}
