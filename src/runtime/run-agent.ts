import type { Bus } from '../bus/bus.ts'
import type { Agent } from '../core/agent.ts'
import { startupOps } from '../core/arguments/startup-ops.ts'
import type { FeedDeclaration, Presence, Row } from '../core/channels.ts'
import type { Lab, LabSite } from '../core/lab.ts'
import type { ManagedHost } from '../core/managed-host.ts'
import { pause } from '../core/pause.ts'
import type { RecorderKey } from '../core/recording/recorder-key.ts'
import { agentEvents } from './agent-events.ts'
import { AgentFeeds } from './agent-feeds.ts'
import { labOf } from './agent-lab.ts'
import { AgentLock } from './agent-lock.ts'
import { AgentOperations } from './agent-operations.ts'
import { Announcements } from './announcements.ts'
import { eachBeat } from './beat.ts'
import { serve } from './bind-requests.ts'
import { Counters } from './counters.ts'
import { watchHub } from './hub-watch.ts'
import type { Identity } from './identity.ts'
import { Connection } from './instrument-connection.ts'
import { InstrumentEvents } from './instrument-events.ts'
import { RecordingWatch } from './recording-watch.ts'
import { watchRivals } from './rivals.ts'
import { runOperation } from './run-operation.ts'
import { SessionStore } from './session-store.ts'
import type { Spool } from './spool/spool.ts'
import { startUp } from './start-up.ts'

/** Milliseconds that operations have to end when the agent stops; as in OCS. */
const GRACE_MS = 3000

export interface RunAgent {
  readonly agent: Agent
  /** Checked by the declaration's `args`. */
  readonly args: unknown
  readonly identity: Identity
  readonly bus: Bus
  readonly spool?: Spool | undefined
  /** Where sessions are kept across restarts; in memory by default. */
  readonly sessions?: SessionStore
  /** The counters of the process so far; they continue in the agent's presence. */
  readonly counters?: Counters
  /** The host whose instances this process keeps alive, for an agent that manages them. */
  readonly host?: ManagedHost | undefined
  /** The folder of files that requests may name; none by default. */
  readonly filesDir?: string | undefined
  /** The key that signs a recorder's acknowledgements; a key of this process by default. */
  readonly recorderKey?: () => RecorderKey | undefined
  /** Subscribes to third-party devices; unavailable by default. */
  readonly subscribeDevices?: Lab['subscribeDevices']
  /** Called when an older process of this instance is alive: this one has to be stopped. */
  onElder?(other: Presence): void
  /** For agents that watch others. */
  readonly site?: LabSite | undefined
  log(text: string): void
  /** Gets rows as they become durable; for display in a terminal. */
  onRows?(feed: string, declaration: FeedDeclaration, rows: readonly Row[]): void
}
export interface RunningAgent {
  /** Stops operations, commits waiting rows, says goodbye. */
  stop(): Promise<void>
}

/**
 * Runs a declared agent on a bus until stopped. Never ends by itself: failures are logged, shown as degraded,
 * and retried.
 * @throws ConfigError when an operation that starts with the agent has invalid parameters; nothing has been
 *   announced then
 */
export async function runAgent(options: RunAgent): Promise<RunningAgent> {
  const { agent, args, identity, bus, spool, log } = options
  const { instance } = identity
  const { sessions = new SessionStore(), counters = new Counters() } = options
  const atStart = startupOps(agent, args, instance)
  const stopping = new AbortController()
  const parts = partsOf(options, sessions, counters, stopping.signal)
  const { event, bug, lock, operations, announcements, connection } = parts
  const clearing = await serve(bus, identity, {
    agent,
    args,
    instance,
    operations: operations.all,
    sessions,
    lock,
    spool,
    instrument: () => connection,
    locked: (text) => event('info', 'lock', text),
    event,
    bug,
  })
  const rivals = await watchRivals(bus, identity, {
    elder: (other) => options.onElder?.(other),
    younger: ({ host, pid }) =>
      event('warning', 'rival', `another process has come as ${instance}, pid ${pid} on ${host}: it leaves`),
    overwritten: () => announcements.presenceSoon(),
  })
  const begin = startUp(options, atStart, operations, stopping.signal)
  const watch = watchHub(bus, identity, counters, log, () => {
    begin()
    announcements.publishAll()
  })
  const recording = spool?.isRecorded ? new RecordingWatch(spool, event) : undefined
  let beats = 0
  const beat = eachBeat(() => {
    // By the second beat the hub has sent its retained messages.
    if (bus.connected && ++beats === 2) void clearing[Symbol.asyncDispose]()
    announcements.beat()
    spool?.tidy()
    recording?.look()
  })
  return {
    async stop() {
      stopping.abort()
      beat[Symbol.dispose]()
      await operations.shutdown(GRACE_MS)
      await awaitClosed(connection)
      watch[Symbol.dispose]()
      await rivals[Symbol.asyncDispose]()
      parts.feeds.close()
      lock.close()
      await spool?.close()
      parts.feeds.end()
      await sessions.close()
      await announcements.goodbye()
    },
  }
}

/** The parts of an agent; each reports its changes to the announcements. */
function partsOf(options: RunAgent, sessions: SessionStore, counters: Counters, stopping: AbortSignal) {
  const { agent, args, identity, bus, spool, log } = options
  const { root, instance } = identity
  const events = agentEvents(bus, identity, counters, log)
  const { event, bug } = events
  sessions.onTrouble = (text) => event('error', 'sessions', text)
  if (sessions.problem !== undefined) event('error', 'sessions', sessions.problem)
  const feeds = new AgentFeeds(agent.spec.feeds, {
    bus,
    root,
    instance,
    agentClass: agent.spec.class,
    spool,
    counters,
    onRows: options.onRows?.bind(options) ?? (() => {}),
    event,
    declared: () => announcements.apiSoon(),
    begun: () => announcements.presenceSoon(),
  })
  const lock = new AgentLock(() => announcements.presenceSoon())
  const operations = new AgentOperations({
    agent,
    instance,
    sessions,
    run: (op, call) => runOperation(agent, op, connection, { ...call, args, feeds: feeds.publishers, lab }),
    changed: (op, change, text) => announcements.sessionChanged(op, change, text),
    log,
    bug,
  })
  const announcements = new Announcements({ bus, identity, agent, args, counters, feeds, lock, operations })
  const lab = labOf(options, sessions, counters, events, announcements, { feeds, operations })
  const connection = new Connection(
    (signal) => agent.spec.connect(args as never, lab, signal),
    new InstrumentEvents(events, counters, feeds),
    stopping,
  )
  return { event, bug, feeds, lock, operations, announcements, connection }
}

/** Waits until the instrument is closed, for a limited time. */
async function awaitClosed(connection: Connection<object>): Promise<void> {
  const done = new AbortController()
  void connection.closed().then(() => done.abort())
  await pause(GRACE_MS, done.signal)
}
