/**
 * What an agent can reach beyond its instrument: other agents, the site file, memory that outlives the
 * process.
 */

import type { AlarmSettings } from './alarm-rules.ts'
import type { AgentApi, NodeInfo, Presence } from './channels.ts'
import type { Counts } from './counter-help.ts'
import type { FeedSink, Follower, FollowOptions } from './feed-sink.ts'
import type { FeedPublisher, FeedSpec } from './feed-spec.ts'
import type { ManagedHost } from './managed-host.ts'
import type { OcsCall, OcsMessage, OcsTopic } from './ocs.ts'
import type { OpSession } from './ops.ts'

/** The agents of a lab, from their retained topics; kept up to date until disposed. */
export interface LabAgents extends AsyncDisposable {
  readonly instances: ReadonlyMap<
    string,
    {
      readonly presence: Presence | undefined
      readonly api: AgentApi | undefined
      readonly sessions: ReadonlyMap<string, OpSession>
      /** `lost` also for an agent that is marked online but has been silent for a while. */
      readonly state: Presence['state']
    }
  >
}

/** What the site file says beyond one instance. */
export interface LabSite {
  readonly alarms: AlarmSettings | undefined
  /** Every instance with its class, and whether it is meant to run. */
  readonly instances: ReadonlyMap<string, { readonly agentClass: string; readonly isUp: boolean }>
}

/** A JSON document that outlives the process; safe from `kill -9` once `save` returns. */
export interface Memory {
  load(): unknown
  save(document: unknown): void
  /** Why neither the document nor the agent's sessions can be stored; undefined while they can. */
  problem(): string | undefined
}

/**
 * How the lines of an external program are passed on: what it publishes and requests outside declared
 * operations.
 */
export interface HandOver {
  /** The publisher of a feed; if the agent has no feed of this name, opens one as `spec` says. */
  feed(name: string, spec: () => FeedSpec<never>): FeedPublisher
  /** Resolves once everything published so far is on disk, for feeds that are recorded. */
  committed(): Promise<void>
  /** Whether the spool holds a row of this block with these times. */
  holds(feed: string, block: string, t: readonly number[]): boolean
  /** Time of the last row of a feed in the spool, unix s; undefined if it has none. */
  lastTime(feed: string): number | undefined
  /** Starts an operation unless it is already running. @throws OpError when it cannot start */
  start(op: string, params: Readonly<Record<string, unknown>>): void
  /**
   * Calls a procedure of another agent.
   * @throws OpError when there is no such procedure, TransportError without an answer
   */
  call(call: OcsCall): Promise<unknown>
  /** Calls `onMessage` for everything that other feeds publish from now on. */
  listen(topic: OcsTopic, onMessage: (message: OcsMessage) => void): Promise<AsyncDisposable>
}

/** The broker that third-party devices publish to: the lab's own hub unless another is named. */
export interface DeviceBroker {
  readonly url?: string | undefined
  readonly user?: string | undefined
  /** The password is its first line. */
  readonly passwordFile?: string | undefined
  /** The CA certificate of the broker, PEM. */
  readonly ca?: string | undefined
}
/** A message from a device; `text` is undefined if it is too long to be a reading. */
export interface DeviceMessage {
  readonly topic: string
  readonly text: string | undefined
  readonly bytes: number
  /** Kept by the broker from before; its age is unknown. */
  readonly retained: boolean
}
/** A subscription to topics of devices. */
export interface DeviceSubscription {
  /** Why some or all of them are not received at the moment; undefined while they are. */
  problem(): string | undefined
  close(): Promise<void>
}

/** The agent's surroundings, for agents that read others (recorder, data nodes). */
export interface Lab {
  readonly root: string
  readonly instance: string
  /** Undefined if the agent runs without a site file. */
  readonly site: LabSite | undefined
  readonly memory: Memory
  /** Reads recorded feeds of other agents until disposed. */
  follow(sink: FeedSink, options?: FollowOptions): Promise<Follower>
  /**
   * Sends a query to another agent and waits up to `timeout` s.
   * @throws TransportError without an answer, OpError when the agent refuses
   */
  ask(
    instance: string,
    query: string,
    params: Readonly<Record<string, unknown>>,
    timeout?: number,
  ): Promise<unknown>
  /**
   * Watches which agents there are and what their operations do. With `sessions: false` it sees only their
   * declarations and presence, which saves most of the traffic.
   */
  agents(watched?: { readonly sessions: boolean }): Promise<LabAgents>
  /**
   * Reads and parses a file that a request names; only files in the `--files-dir` folder. Parse errors go to
   * the agent's log, because the caller may not be allowed to read the file.
   * @param parse gets the text and the name
   * @throws OpError
   */
  readFile<T>(name: string, parse: (text: string, name: string) => T): Promise<T>
  /**
   * Subscribes to topics of third-party devices, outside the lab's own.
   * @throws ConfigError for a password or a certificate that cannot be used
   */
  subscribeDevices(
    broker: DeviceBroker,
    topics: readonly string[],
    onMessage: (message: DeviceMessage) => void,
  ): DeviceSubscription
  /** Writes a line to the agent's log. */
  log(text: string): void
  /** Publishes an event: audit, alarm, data loss. */
  event(level: 'info' | 'warning' | 'error', kind: string, text: string): void
  /**
   * Adds counters to the agent's presence; `core/counter-help.ts` names them. Disposing freezes their values.
   */
  counters(read: () => Counts): Disposable
  /** For an agent that is a program: publishes and calls on its behalf. */
  readonly handOver: HandOver
  /** The host whose instances this process keeps alive; undefined if it keeps none. */
  readonly host?: ManagedHost | undefined
  /** Announces this agent as a data node, in its `api`. */
  announceNode(node: NodeInfo): void
}
