import type { Bus } from '../bus/bus.ts'
import type { Agent } from '../core/agent.ts'
import { channels, type NodeInfo, type Presence } from '../core/channels.ts'
import type { AgentFeeds } from './agent-feeds.ts'
import type { AgentLock } from './agent-lock.ts'
import type { AgentOperations } from './agent-operations.ts'
import { apiOf } from './api.ts'
import type { Counters } from './counters.ts'
import { type Identity, presenceOf } from './identity.ts'
import type { SessionChange } from './live-session.ts'
import { Pace, UNTIL_BEAT_MS } from './pace.ts'

/**
 * Milliseconds that messages of a session and the progress of a task may wait: people are waiting for them.
 */
const SOON_MS = 1000
/** Longest wait for the goodbye to the hub, ms. */
const GOODBYE_MS = 300

/** The parts of an agent that are announced, and where. */
interface Announced {
  readonly bus: Bus
  readonly identity: Identity
  readonly agent: Agent
  readonly args: unknown
  readonly counters: Counters
  readonly feeds: AgentFeeds
  readonly lock: AgentLock
  readonly operations: AgentOperations
}

/**
 * What the hub retains of an agent: its presence, its api, the sessions of its operations. Not published
 * while the hub is away.
 */
export class Announcements {
  readonly #of: Announced
  readonly #here: { readonly root: string; readonly instance: string }
  readonly #presence = new Pace(() => void this.publishPresence('online'))
  readonly #api = new Pace(() => this.#publishApi())
  readonly #sessions = new Map<string, Pace>()
  #node: NodeInfo | undefined

  constructor(of: Announced) {
    this.#of = of
    this.#here = { root: of.identity.root, instance: of.identity.instance }
  }

  /** Announces the agent as a data node. */
  announceNode(node: NodeInfo): void {
    this.#node = node
    this.apiSoon()
  }

  publishPresence(state: Presence['state']): Promise<void> {
    const { bus, identity, feeds, counters, lock } = this.#of
    const shown = lock.shown && { lock: lock.shown }
    const presence = { ...presenceOf(identity, state), feeds: feeds.held(), counters: counters.all, ...shown }
    return bus.connected ? bus.publish(channels.presence, this.#here, presence) : Promise.resolve()
  }

  /**
   * Publishes presence together with all pending announcements, in one packet: separate packets would wake
   * the hub and all readers each time.
   */
  beat(): void {
    void this.publishPresence('online')
    for (const pace of this.#sessions.values()) pace.flush()
    this.#of.feeds.beat()
  }

  /**
   * Publishes a changed state at once, and other changes when they are due.
   * @param text the session as JSON, if its state has changed
   */
  sessionChanged(op: string, change: SessionChange, text: string | undefined): void {
    const isReading = change === 'data' && this.#of.agent.ops[op]?.kind === 'process'
    if (text !== undefined) this.#publishSession(op, text)
    else this.#pace(op).within(isReading ? UNTIL_BEAT_MS : SOON_MS)
  }

  presenceSoon(): void {
    this.#presence.within(0)
  }

  apiSoon(): void {
    this.#api.within(0)
  }

  /** Publishes everything, to a hub that may have lost it. */
  publishAll(): void {
    const { operations, feeds } = this.#of
    void this.publishPresence('online')
    this.#publishApi()
    for (const op of operations.all.keys()) this.#publishLatest(op)
    feeds.republish()
  }

  /** Publishes that the agent is offline, and nothing after that. */
  async goodbye(): Promise<void> {
    // Announcements triggered by the last rows would say that the agent is online.
    for (const pace of [this.#presence, this.#api, ...this.#sessions.values()]) pace.stop()
    await Promise.race([this.publishPresence('offline'), Bun.sleep(GOODBYE_MS)])
  }

  #publishApi(): void {
    const { bus, agent, args, feeds } = this.#of
    if (bus.connected)
      void bus.publish(channels.api, this.#here, apiOf(agent, args, feeds.declarations, this.#node))
  }

  #publishLatest(op: string): void {
    const session = this.#of.operations.all.get(op)?.session
    if (session) this.#publishSession(op, JSON.stringify(session))
  }

  #publishSession(op: string, text: string): void {
    this.#pace(op).drop(SOON_MS)
    const { bus } = this.#of
    if (bus.connected) void bus.publishText(channels.session, { ...this.#here, op }, text)
  }

  #pace(op: string): Pace {
    const known = this.#sessions.get(op) ?? new Pace(() => this.#publishLatest(op))
    this.#sessions.set(op, known)
    return known
  }
}
