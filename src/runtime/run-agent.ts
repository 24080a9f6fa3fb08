import type { Bus } from '../bus/bus.ts'
import type { Level } from '../core/access.ts'
import type { Agent, Lab, LabSite, SessionHandle } from '../core/agent.ts'
import { startupOps } from '../core/arguments/startup-ops.ts'
import { type AgentApi, channels, type FeedDeclaration, type Presence, type Row } from '../core/channels.ts'
import { messageOf, OpError } from '../core/errors.ts'
import type { ManagedHost } from '../core/managed-host.ts'
import { type OpSession, ResponseCode } from '../core/ops.ts'
import { pause } from '../core/pause.ts'
import { follow } from '../lab/follow.ts'
import { viewLab } from '../lab/lab-view.ts'
import { AgentFeeds } from './agent-feeds.ts'
import { AgentLock } from './agent-lock.ts'
import { apiOf } from './api.ts'
import { serve } from './bind-requests.ts'
import { Counters } from './counters.ts'
import { type Identity, presenceOf } from './identity.ts'
import { Connection } from './instrument-connection.ts'
import { Operation } from './operation.ts'
import { runOperation } from './run-operation.ts'
import { SessionStore } from './session-store.ts'
import type { Spool } from './spool/spool.ts'

/** Milliseconds between beats of an agent's presence. */
const BEAT_MS = 5000
/** Milliseconds an agent that starts waits for the hub before it works without. */
const FIRST_JOIN_MS = 3000
/** Milliseconds that the goodbye to the hub may take. */
const GOODBYE_MS = 300
/** Milliseconds between two publications of a session whose data alone changes. */
const DATA_MS = 1000
/** Milliseconds that operations have to end when the agent stops; as in OCS. */
const GRACE_MS = 3000
/** The access level of what the agent starts itself, and of everyone on a hub that has no users. */
const AGENT_LEVEL = 4
const LOCAL_LEVEL = 3

export interface RunAgent {
  readonly agent: Agent
  /** Checked by the declaration's `args`. */
  readonly args: unknown
  readonly identity: Identity
  readonly bus: Bus
  readonly spool?: Spool | undefined
  /** Where sessions are kept over restarts; in memory by default. */
  readonly sessions?: SessionStore
  /** What the process has counted so far; goes on in the agent's presence. */
  readonly counters?: Counters
  /** The host whose instances this process keeps alive, for an agent that manages them. */
  readonly host?: ManagedHost | undefined
  /** For agents that watch others. */
  readonly site?: LabSite | undefined
  /** The access level of a client; full by default. */
  levelOf?(client: string): Level
  log(text: string): void
  /** Rows as they become durable; for a terminal. */
  onRows?(feed: string, declaration: FeedDeclaration, rows: readonly Row[]): void
}
export interface RunningAgent {
  /** Stops operations, commits what waits, says goodbye. */
  stop(): Promise<void>
}

/**
 * Runs a declared agent on a bus until stopped. Never ends by itself: what fails is logged, degraded, tried again.
 * @throws ConfigError when what starts with it has parameters that do not fit; nothing has been announced then
 */
export async function runAgent(options: RunAgent): Promise<RunningAgent> {
  const { agent, args, identity, bus, spool, log } = options
  const { sessions = new SessionStore(), counters = new Counters() } = options
  const { root, instance } = identity
  const atStart = startupOps(agent, args, instance)
  const here = { root, instance }
  const stopping = new AbortController()
  const timers = new Map<string, Timer>()
  let node: AgentApi['node']
  let ended = false
  let instrumentLost = false
  let hadInstrument = false

  const event = (level: 'info' | 'warning' | 'error', kind: string, text: string) => {
    log(level === 'info' ? text : `${level}: ${text}`)
    if (!bus.connected) counters.add('unsent')
    void bus.publish(channels.event, here, { time: Date.now() / 1000, level, kind, text })
  }
  sessions.onTrouble = (text) => event('error', 'sessions', text)
  const bug = (error: unknown) =>
    event('error', 'bug', `${messageOf(error)}${error instanceof Error ? `\n${error.stack ?? ''}` : ''}`)

  const soon = (key: string, what: () => void, ms = 0) => {
    if (timers.has(key) || ended) return
    timers.set(
      key,
      setTimeout(() => {
        timers.delete(key)
        what()
      }, ms),
    )
  }

  const feeds = new AgentFeeds(agent.spec.feeds, {
    bus,
    root,
    instance,
    agentClass: agent.spec.class,
    spool,
    counters,
    onRows: options.onRows?.bind(options) ?? (() => {}),
    event,
    declared: () => soon('api', () => publishApi()),
    begun: () => soon('presence', () => void publishPresence('online')),
  })
  const lab: Lab = {
    root,
    instance,
    site: options.site,
    memory: sessions.memory,
    follow: (sink, followOptions) => follow(bus, root, sink, followOptions, bug),
    agents: () => viewLab(bus, root),
    log,
    event,
    counters: (read) => counters.source(read),
    host: options.host,
    announceNode(name) {
      node = name
      soon('api', () => publishApi())
    },
  }
  const lock = new AgentLock(() => soon('presence', () => void publishPresence('online')))
  const connection = new Connection(
    (signal) => agent.spec.connect(args as never, lab, signal),
    {
      connected: (instrument) => {
        if (instrumentLost) event('info', 'instrument', 'the instrument is connected again')
        if (hadInstrument) counters.add('instrument_reconnects')
        instrumentLost = false
        hadInstrument = true
        feeds.connected(instrument)
      },
      failed: (reason) => {
        instrumentLost = true
        event('warning', 'instrument', `${reason} (trying again)`)
      },
    },
    stopping.signal,
  )

  const operations = new Map<string, Operation>()
  const start = (name: string, params: Readonly<Record<string, unknown>> = {}) => {
    const operation = operations.get(name)
    if (operation?.active) return
    const outcome = operation?.start(params, { client: instance, level: AGENT_LEVEL })
    if (outcome?.status !== ResponseCode.OK)
      throw new OpError(`${name}: ${outcome?.msg ?? 'no such operation'}`)
  }
  for (const [name, spec] of Object.entries(agent.ops)) {
    const host = {
      nextSessionId: () => sessions.nextId(),
      run: (params: unknown, session: SessionHandle<unknown>, signal: AbortSignal) =>
        runOperation(agent, name, connection, {
          params,
          args,
          session,
          feeds: feeds.publishers,
          signal,
          lab,
          start,
        }),
      changed: (session: OpSession, now: boolean) => {
        if (!now) return soon(`session of ${name}`, () => publishLatest(name), DATA_MS)
        sessions.save(session)
        publishSession(name, session)
      },
      log,
      bug,
    }
    operations.set(name, new Operation(name, spec, host, sessions.latest(name)))
  }

  const publishSession = (op: string, session: OpSession) => {
    if (bus.connected) void bus.publish(channels.session, { ...here, op }, session)
  }
  const publishLatest = (op: string) => {
    const session = operations.get(op)?.session
    if (session) publishSession(op, session)
  }
  const publishApi = () => {
    if (bus.connected) void bus.publish(channels.api, here, apiOf(agent, args, feeds.declarations, node))
  }
  const publishPresence = (state: Presence['state']) => {
    const shown = lock.shown && { lock: lock.shown }
    const presence = { ...presenceOf(identity, state), feeds: feeds.held(), counters: counters.all, ...shown }
    return bus.connected ? bus.publish(channels.presence, here, presence) : Promise.resolve()
  }
  const joined = () => {
    void publishPresence('online')
    publishApi()
    for (const name of operations.keys()) publishLatest(name)
    feeds.republish()
  }

  await serve(bus, identity, {
    agent,
    args,
    instance,
    operations,
    sessions,
    lock,
    spool,
    instrument: () => connection,
    levelOf: options.levelOf ?? (() => LOCAL_LEVEL),
    locked: (text) => event('info', 'lock', text),
    bug,
  })

  let announced = false
  const watch = bus.onConnected((connected, reason) => {
    if (connected) {
      log('transport connected')
      if (announced) counters.add('hub_reconnects')
      log(`session joined: ${instance} (address root ${root}, session ${identity.session})`)
      joined()
    } else if (announced) log(`transport lost${reason ? `: ${reason}` : ''}; connecting again`)
    announced ||= connected
  })
  const beat = setInterval(() => {
    void publishPresence('online')
    spool?.tidy()
  }, BEAT_MS)

  const startUp = async () => {
    for (let waited = 0; waited < FIRST_JOIN_MS && !bus.connected && !stopping.signal.aborted; waited += 50) {
      await pause(50, stopping.signal)
    }
    if (stopping.signal.aborted) return
    if (!bus.connected) log('waiting for the hub; working without it meanwhile')
    for (const { name, params } of atStart) {
      log(`startup-op: launching ${name}`)
      operations.get(name)?.start(params, { client: 'startup', level: AGENT_LEVEL })
    }
    const idle = agent.spec.idle?.(instance)
    if (atStart.length === 0 && idle) log(`idle: ${idle}`)
  }
  void startUp()

  return {
    async stop() {
      stopping.abort()
      clearInterval(beat)
      await Promise.all([...operations.values()].map((operation) => operation.shutdown(GRACE_MS)))
      const closed = new AbortController()
      void connection.closed().then(() => closed.abort())
      await pause(GRACE_MS, closed.signal)
      watch[Symbol.dispose]()
      feeds.close()
      lock.close()
      await spool?.close()
      await sessions.close()
      // What the last rows set off would say that the agent is online.
      ended = true
      for (const timer of timers.values()) clearTimeout(timer)
      await Promise.race([publishPresence('offline'), Bun.sleep(GOODBYE_MS)])
    },
  }
}
