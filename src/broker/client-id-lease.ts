import { timingSafeEqual } from 'node:crypto'
import type { Aedes, Client, ConnectPacket } from 'aedes'
import { channels } from '../core/channels.ts'
import { topic } from '../core/topic.ts'
import { presenceIn } from './last-will.ts'
import { limits } from './limits.ts'

/** A connected client: its identity and its address. */
export interface Guest {
  readonly id: string
  readonly principal: string
  /** Whether it may be an agent under this id; a client without that right must give the id up to it. */
  readonly entitled: boolean
  readonly client: Client
  /** Remote address. */
  readonly from: string
  /** Unix seconds, UTC. */
  readonly since: number
  /** Digest of the random part of its password, which its process made and never published. */
  readonly nonce?: Buffer
  /** For an agent: its data from the presence that is its last will. */
  readonly agent?: {
    readonly session: string
    readonly host: string
    readonly pid: number
    readonly agentClass: string
  }
}

/**
 * The holder of each client id. By MQTT a newcomer disconnects the holder (3.1.1 §3.1.4), so two agents with
 * one id would disconnect each other for ever; here the holder keeps the id as long as it lives.
 */
export class Leases {
  readonly #broker: Aedes
  readonly #root: string
  readonly #log: (text: string) => void
  readonly #pingTimeout: number
  readonly #takenOver: (by: Guest, from: Guest) => void
  readonly #holders = new Map<string, Guest>()

  /**
   * @param pingTimeout seconds that a holder has to answer
   * @param takenOver called for each id that changes hands while its holder is connected
   */
  constructor(
    broker: Aedes,
    root: string,
    log: (text: string) => void,
    pingTimeout: number = limits.ping_timeout,
    takenOver: (by: Guest, from: Guest) => void = () => {},
  ) {
    this.#takenOver = takenOver
    this.#broker = broker
    this.#root = root
    this.#log = log
    this.#pingTimeout = pingTimeout
  }

  /** All connected clients. */
  all(): Guest[] {
    return [...this.#holders.values()]
  }

  /**
   * Gives an id to a newcomer, or returns why not. A client that shows the holder's nonce takes over at once,
   * and so does the owning agent from a client that only reads under its id. A holder that leaves a ping
   * unanswered for the ping time-out is disconnected; any other keeps the id.
   */
  async claim(guest: Guest): Promise<string | undefined> {
    const { id, client } = guest
    const holder = this.#holders.get(id)
    if (holder !== undefined && !holder.client.closed) {
      const same = isSame(guest, holder)
      const squats = guest.entitled && !holder.entitled
      if (!same && !squats && (!holder.client.connected || (await this.#answers(holder))))
        return heldBy(holder)
      if (squats)
        this.#log(
          `client "${id}" cut off: the agent that owns the id has connected; it was ${describe(holder)}`,
        )
      else if (same)
        this.#log(
          `client "${id}" taken over by its own process, from ${guest.from}: it was ${describe(holder)}`,
        )
      else {
        this.#log(
          `client "${id}" cut off: it did not answer a ping while another client asked for its id; it was ${describe(holder)}`,
        )
      }
      this.#takenOver(guest, holder)
      await new Promise<void>((resolve) => holder.client.close(resolve))
    }
    const now = this.#holders.get(id)
    if (now !== undefined && now !== holder) return heldBy(now)
    if (client.closed) return 'it disconnected while its id was being claimed'
    this.#holders.set(id, guest)
    client.conn.once('close', () => {
      if (this.#holders.get(id) === guest) this.#holders.delete(id)
    })
    return undefined
  }

  #answers({ id, client }: Guest): Promise<boolean> {
    const broker = this.#broker
    const { promise, resolve } = Promise.withResolvers<boolean>()
    // Any acknowledgement counts: it proves that the process reads and writes.
    const onAck = (_: unknown, from: Client) => from === client && resolve(true)
    const onGone = () => resolve(false)
    const timer = setTimeout(resolve, this.#pingTimeout * 1000, false)
    broker.on('ack', onAck)
    client.conn.once('close', onGone)
    const payload = JSON.stringify({ time: Date.now() / 1000 })
    const ping = topic(channels.ping, { root: this.#root, client: id })
    client.publish({ cmd: 'publish', topic: ping, payload, qos: 1, dup: false, retain: false }, () => {})
    return promise.finally(() => {
      clearTimeout(timer)
      broker.off('ack', onAck)
      client.conn.off('close', onGone)
    })
  }
}

/** Whether a newcomer is the holder itself, back before the loss of its old connection was noticed. */
function isSame({ nonce, principal }: Guest, holder: Guest): boolean {
  if (principal !== holder.principal || nonce === undefined || holder.nonce === undefined) return false
  return timingSafeEqual(nonce, holder.nonce)
}

function heldBy(holder: Guest): string {
  return `the id "${holder.id}" is held by ${describe(holder)}`
}

function describe({ agent, from, since }: Guest): string {
  const who = agent ? `${agent.agentClass}, pid ${agent.pid} on ${agent.host}` : 'another client'
  return `${who}, from ${from}, connected since ${new Date(since * 1000).toISOString()}`
}

/** An agent's data from its last will, the `lost` presence; undefined for other clients. */
export function agentOf(will: ConnectPacket['will']): Guest['agent'] {
  const said = will && presenceIn(will)
  return said && { session: said.session, host: said.host, pid: said.pid, agentClass: said.agent_class }
}
