import type { z } from 'zod'
import type { Address, Channel } from '../core/topic.ts'
import type { Unreached } from './unreached.ts'

/**
 * A client's connection to the hub, used by agents, recorders and commands; over MQTT (`mqtt.ts`) or in
 * memory (`memory.ts`).
 */
export interface Bus extends AsyncDisposable {
  /** The name of this client: its MQTT client id, which for an agent is its instance-id. */
  readonly client: string
  /** Whether the hub is connected at the moment. */
  readonly connected: boolean
  /**
   * Sends a payload. QoS 1: resolves when the hub has it, and waits for a lost hub to come back; QoS 0:
   * resolves at once, and is dropped while the hub is away (the spool keeps what must not be lost). Rejects
   * with TransportError, quoting the hub if it refused, when the bus is disposed first, the payload is too
   * large for the hub, or this client may not publish it; callers that do not wait need not catch that.
   * @throws RangeError for a name that does not fit one topic level
   */
  publish<P extends string, S extends z.ZodType>(
    to: Channel<P, S>,
    address: Address<P>,
    payload: z.input<S>,
  ): Promise<void>
  /** Sends a payload that is JSON text already, for callers that measure or keep the text. */
  publishText<P extends string>(to: Channel<P>, address: Address<P>, text: string): Promise<void>
  /** Clears the retained message of a channel at an address. */
  clear<P extends string>(to: Channel<P>, address: Address<P>): Promise<void>
  /**
   * Subscribes to a channel; missing names mean all. Subscribes again by itself after a lost connection. A
   * payload that does not fit its channel is dropped and reported; later ones are not affected. Resolves when
   * the hub has granted the subscription, or at once while the hub is away.
   */
  subscribe<P extends string, S extends z.ZodType>(
    to: Channel<P, S>,
    address: Partial<Address<P>>,
    listener: Listener<P, S>,
    more?: More<P, S>,
  ): Promise<AsyncDisposable>
  /** Calls the listener at each connection and loss, and at once with the present state. */
  onConnected(listener: (connected: boolean, reason?: string) => void): Disposable
  /** Why the last attempt to reach the hub failed, while it is not connected. */
  readonly problem?: Unreached | undefined
  /** If a hub has several addresses, the one in use or being tried. */
  readonly server?: string | undefined
  /** Calls the listener at each failed attempt, with the reason. */
  onProblem?(listener: (problem: Unreached) => void): Disposable
}

/**
 * `retained`: the hub stored it before the subscription. Listeners are not called when a topic is cleared.
 */
export type Listener<P extends string, S extends z.ZodType> = (
  payload: z.output<S>,
  address: Address<P>,
  how: { readonly retained: boolean },
) => void

/** Further options of a subscription. */
export interface More<P extends string, S extends z.ZodType> {
  /** Whether the listener wants messages of an address; unwanted ones are not even parsed. */
  wanted?(address: Address<P>): boolean
  /** Recovers what it can from a payload that does not fit its channel; undefined if nothing. */
  mend?(text: string, address: Address<P>): z.output<S> | undefined
  /** Called when the retained topic of an address has been cleared. */
  cleared?(address: Address<P>): void
}

/** Options of every bus. */
export interface BusOptions {
  /**
   * Called with the topic and reason when a payload fits no channel, a listener threw, or the hub does not
   * forward a message.
   */
  readonly onBad?: (topic: string, reason: string) => void
}
