import type { Bus } from '../bus/bus.ts'
import type { Agent, Lab, SessionHandle } from '../core/agent.ts'
import { type AgentApi, channels, type FeedDeclaration, type Presence, type Row } from '../core/channels.ts'
import { messageOf, OpError } from '../core/errors.ts'
import { Action, type OpSession, ResponseCode } from '../core/ops.ts'
import { checkParams } from '../core/params.ts'
import { jsonWithNumbers } from '../core/wire.ts'
import { AgentFeeds } from './agent-feeds.ts'
import { apiOf } from './api.ts'
import { Connection, pause } from './connection.ts'
import { follow } from './follow.ts'
import { type Identity, presenceOf } from './identity.ts'
import { Operation } from './operation.ts'
import { Requests } from './requests.ts'
import { runOperation } from './run-operation.ts'
import type { Spool } from './spool.ts'

/** Milliseconds between beats of an agent's presence. */
const BEAT_MS = 5000
/** Milliseconds an agent that starts waits for the hub before it works without. */
const FIRST_JOIN_MS = 3000
/** Milliseconds that the goodbye to the hub may take. */
const GOODBYE_MS = 300
/** Milliseconds between two publications of a session whose data alone changes. */
const DATA_MS = 1000
export interface RunAgent {
  readonly agent: Agent
  /** Checked by the declaration's `args`. */
  readonly args: unknown
  readonly identity: Identity
  readonly bus: Bus
  readonly spool?: Spool | undefined
  log(text: string): void
  /** Rows as they become durable; for a terminal. */
  onRows?(feed: string, declaration: FeedDeclaration, rows: readonly Row[]): void
}
export interface RunningAgent {
  /** Stops operations, commits what waits, says goodbye. */
  stop(): Promise<void>
}

/** Runs a declared agent on a bus until stopped. Never ends by itself: what fails is logged, degraded, tried again. */
export async function runAgent(options: RunAgent): Promise<RunningAgent> {
  const { agent, args, identity, bus, spool, log } = options
  const { root, instance } = identity
  const here = { root, instance }
  const stopping = new AbortController()
  const timers = new Map<string, Timer>()
  let node: AgentApi['node']
  let sessions = 0

  const event = (level: 'info' | 'warning' | 'error', kind: string, text: string) => {
    log(level === 'info' ? text : `${level}: ${text}`)
    void bus.publish(channels.event, here, { time: Date.now() / 1000, level, kind, text })
  }
  const bug = (error: unknown) =>
    event('error', 'bug', `${messageOf(error)}${error instanceof Error ? `\n${error.stack ?? ''}` : ''}`)

  const soon = (key: string, what: () => void, ms = 0) => {
    if (timers.has(key)) return
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
    onRows: options.onRows?.bind(options) ?? (() => {}),
    event,
    declared: () => soon('api', () => publishApi()),
    begun: () => soon('presence', () => void publishPresence('online')),
  })
  const lab: Lab = {
    root,
    instance,
    follow: (sink, followOptions) => follow(bus, root, sink, followOptions),
    log,
    event,
    announceNode(name) {
      node = name
      soon('api', () => publishApi())
    },
  }
  const connection = new Connection(
    (signal) => agent.spec.connect(args as never, lab, signal),
    {
      connected: (instrument) => feeds.connected(instrument),
      failed: (reason) => event('warning', 'instrument', `${reason}; trying again`),
    },
    stopping.signal,
  )

  const operations = new Map<string, Operation>()
  const start = (name: string, params: Readonly<Record<string, unknown>> = {}) => {
    const operation = operations.get(name)
    if (operation?.session && operation.session.status !== 'done') return
    const outcome = operation?.start(params, instance)
    if (outcome?.status !== ResponseCode.OK)
      throw new OpError(`${name}: ${outcome?.msg ?? 'no such operation'}`)
  }
  for (const [name, spec] of Object.entries(agent.ops)) {
    const host = {
      nextSessionId: () => sessions++,
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
      changed: (session: OpSession, now: boolean) =>
        now ? publishSession(name, session) : soon(name, () => publishSession(name, session), DATA_MS),
      log,
      bug,
    }
    operations.set(name, new Operation(name, spec, host))
  }

  const publishSession = (op: string, session: OpSession) => {
    if (bus.connected) void bus.publish(channels.session, { ...here, op }, session)
  }
  const publishApi = () => {
    if (bus.connected) void bus.publish(channels.api, here, apiOf(agent, args, feeds.declarations, node))
  }
  const publishPresence = (state: Presence['state']) => {
    const { counters } = feeds
    const presence = { ...presenceOf(identity, state), feeds: feeds.held(), counters }
    return bus.connected ? bus.publish(channels.presence, here, presence) : Promise.resolve()
  }
  const joined = () => {
    void publishPresence('online')
    publishApi()
    for (const [name, { session }] of operations) if (session) publishSession(name, session)
    feeds.republish()
  }

  const requests = new Requests(bus, root, instance, bug)
  await bus.subscribe(channels.request, here, (request, { op, action, client }) => {
    const operation = operations.get(op)
    const verb = Action.safeParse(action)
    void requests.handle(client, request, verb.data !== 'wait' && verb.data !== 'status', () => {
      if (!operation) {
        const has = [...operations.keys()].join(', ')
        return { status: ResponseCode.ERROR, msg: `No operation "${op}" (${instance} has: ${has}).` }
      }
      if (!verb.success) return { status: ResponseCode.ERROR, msg: `No action "${action}".` }
      return operation.act(verb.data, request, client)
    })
  })
  await bus.subscribe(channels.query, here, (request, { query, client }) => {
    void requests.handle(client, request, false, async () => {
      const found = agent.queries.get(query)
      if (!found) return { status: ResponseCode.ERROR, msg: `No query "${query}".` }
      const checked = checkParams(found.params, request.params)
      if ('faults' in checked) {
        return { status: ResponseCode.ERROR, msg: checked.faults.map(({ text }) => text).join('; ') }
      }
      const instrument = connection.instrument
      if (!instrument) return { status: ResponseCode.ERROR, msg: connection.reason }
      const answer = await found.answer({ params: checked.values, args: args as never, instrument })
      return { status: ResponseCode.OK, msg: '', result: jsonWithNumbers(answer) }
    })
  })
  await bus.subscribe(channels.replay, here, ({ id, feed, epoch, from, since, max_bytes }, { client }) => {
    const answer = spool?.read(feed, epoch, from, max_bytes, since)
    if (answer && bus.connected) void bus.publish(channels.replayed, { ...here, client, id }, answer)
  })
  await bus.subscribe(channels.ack, here, ({ epoch, seq }, { feed }) => spool?.acknowledge(feed, epoch, seq))
  // What an earlier version of this agent left behind on the hub is not offered any more.
  await bus.subscribe(channels.session, here, (_, { op }) => {
    if (!operations.has(op)) void bus.clear(channels.session, { ...here, op })
  })
  await bus.subscribe(channels.last, here, (_, { feed }) => {
    if (!(feed in agent.spec.feeds)) void bus.clear(channels.last, { ...here, feed })
  })

  let announced = false
  const watch = bus.onConnected((connected, reason) => {
    if (connected) {
      log('transport connected')
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
    let started = 0
    for (const [name, operation] of operations) {
      if (!operation.spec.startup(args as never)) continue
      started++
      log(`startup-op: launching ${name}`)
      const { status, msg } = operation.start({}, 'startup')
      if (status !== ResponseCode.OK) event('error', 'startup', msg)
    }
    const idle = agent.spec.idle?.(instance)
    if (started === 0 && idle) log(`idle: ${idle}`)
  }
  void startUp()

  return {
    async stop() {
      stopping.abort()
      clearInterval(beat)
      await Promise.all([...operations.values()].map((operation) => operation.shutdown()))
      await connection.closed()
      watch[Symbol.dispose]()
      for (const timer of timers.values()) clearTimeout(timer)
      feeds.close()
      await spool?.close()
      await Promise.race([publishPresence('offline'), Bun.sleep(GOODBYE_MS)])
    },
  }
}
