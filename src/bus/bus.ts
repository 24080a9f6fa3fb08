import type { z } from 'zod'
import type { Address, Channel } from '../core/topic.ts'
import type { Unreached } from './unreached.ts'

/** What an agent, a recorder or a command speaks through; over MQTT (`mqtt.ts`) or in memory (`memory.ts`). */
export interface Bus extends AsyncDisposable {
  /** The name this end goes by: its MQTT client id, which for an agent is its instance-id. */
  readonly client: string
  /** Whether the hub is reached just now. */
  readonly connected: boolean
  /**
   * Sends a payload. QoS 1: resolves when the hub has it, and waits for a lost hub to come back;
   * QoS 0: resolves at once, and is dropped while the hub is away (the spool keeps what must not be lost).
   * Rejects with TransportError when the bus is disposed first, the payload is too large for the hub, or this client may not
   * publish it, with the hub's words; who does not wait need not catch that.
   * @throws RangeError for a name that fits no topic level
   */
  publish<P extends string, S extends z.ZodType>(
    to: Channel<P, S>,
    address: Address<P>,
    payload: z.input<S>,
  ): Promise<void>
  /** The same of a payload that has become JSON already, by who measures or keeps its text. */
  publishText<P extends string>(to: Channel<P>, address: Address<P>, text: string): Promise<void>
  /** Clears what a retained channel holds at an address. */
  clear<P extends string>(to: Channel<P>, address: Address<P>): Promise<void>
  /**
   * Listens to a channel; missing names mean all. Comes back by itself after a lost connection.
   * A payload that does not fit its channel is dropped and reported, and the next is fine.
   * Resolves when the hub has granted it, or at once while the hub is away.
   */
  subscribe<P extends string, S extends z.ZodType>(
    to: Channel<P, S>,
    address: Partial<Address<P>>,
    listener: Listener<P, S>,
    more?: More<P, S>,
  ): Promise<AsyncDisposable>
  /** Calls back at each connection and loss; at once with the present state. */
  onConnected(listener: (connected: boolean, reason?: string) => void): Disposable
  /** Why the hub was not reached the last time, while it is not. */
  readonly problem?: Unreached | undefined
  /** Of several addresses of a hub, the one that is tried or connected to. */
  readonly server?: string | undefined
  /** Calls back at each attempt that fails, with why. */
  onProblem?(listener: (problem: Unreached) => void): Disposable
}

/** `retained`: the hub kept it from before the subscription. A cleared topic calls nobody here. */
export type Listener<P extends string, S extends z.ZodType> = (
  payload: z.output<S>,
  address: Address<P>,
  how: { readonly retained: boolean },
) => void

/** What else a listener may say. */
export interface More<P extends string, S extends z.ZodType> {
  /** Whether it is to hear of an address at all: what nobody wants is not even read. */
  wanted?(address: Address<P>): boolean
  /** What can be saved of the text of a payload that does not fit its channel; undefined when nothing. */
  mend?(text: string, address: Address<P>): z.output<S> | undefined
  /** Is told that somebody has cleared the retained topic of an address. */
  cleared?(address: Address<P>): void
}

/** Options of every bus. */
export interface BusOptions {
  /**
   * Called with what was dropped and why: a payload that fits no channel, a listener that threw, a message that the hub does not
   * pass on.
   */
  readonly onBad?: (topic: string, reason: string) => void
}
