import type { z } from 'zod'
import { connectMqtt, type MqttOptions, reached } from '../bus/mqtt.ts'
import type { Agent, OpSpec } from '../core/agent.ts'
import type { AgentApi, Presence } from '../core/channels.ts'
import { TransportError, UsageError } from '../core/errors.ts'
import { nearOr, notFound } from '../core/names.ts'
import { awaitChange, type Line } from './await-change.ts'
import { viewLab } from './lab-view.ts'
import { type Feed, remoteFeed } from './remote-feed.ts'
import { holdLock } from './remote-lock.ts'
import { type Operation, remoteOperation } from './remote-operation.ts'
import { caller } from './request-client.ts'
import type { LastValues } from './restore.ts'

/** How a program talks to its lab. */
export interface ClientOptions {
  /** The hub's address, `mqtt://HOST:PORT` or `ws://HOST:PORT/PATH`; several separated by commas. */
  readonly url: string
  /** What shows the hub who this program is. */
  readonly credentials?: MqttOptions['credentials']
  /** The first word of every topic. */
  readonly root: string
  /** Interrupts whatever is waited for, by throwing its reason; `always` goes on. */
  readonly signal?: AbortSignal
  /** Seconds that the hub or an agent may be away before whatever waits for it fails; default 15. */
  readonly patience?: number
  /** Seconds for which `always` tries again what fails; default 600. */
  readonly insist?: number
  /** The name by which agents know this program; default `script-` and eight digits. */
  readonly client?: string
  /** Hears when the hub is lost and back, and what is tried again. */
  readonly log?: (text: string) => void
}

/** The operations of a declared agent, each with its parameters and data. */
export type OperationsOf<A> =
  A extends Agent<infer _A, infer _F, infer _I, infer O>
    ? {
        readonly [K in keyof O]: O[K] extends OpSpec<infer P, infer D>
          ? Operation<z.input<P>, z.output<D>>
          : never
      }
    : unknown
type FeedNames<A> = A extends Agent<infer _A, infer F, infer _I, infer _O> ? F : string

/** What every client of an agent has, whatever the agent. */
export interface AnyAgentClient<A = unknown> extends AsyncDisposable {
  readonly instance: string
  /** What the agent says of itself. */
  readonly api: AgentApi
  /** Whether it is there just now. */
  readonly state: Presence['state']
  readonly feeds: { readonly [F in FeedNames<A>]: Feed }
  /** The newest values of a feed; undefined when none have ever come. */
  last(feed: FeedNames<A>): Promise<LastValues | undefined>
  /** An operation by its name. @throws UsageError when the agent has none of that name */
  op(name: string): Operation
  /** The answer to one of the agent's queries. @throws OpError when it refuses, TransportError without an answer */
  query(name: string, params?: Readonly<Record<string, unknown>>): Promise<unknown>
  /**
   * Locks the agent, so that only this client may start, stop and abort its operations, until what it returns is disposed:
   * `await using lock = await ls372.lock('night run, Ada')`. It ends a minute after a program that is killed.
   * @throws OpError when another holds the lock, naming it
   */
  lock(by: string): Promise<AsyncDisposable>
  /**
   * The same operations for cleaning up: they go on when the client's signal is aborted, and are tried again where they
   * fail because hub, agent or instrument are away.
   */
  readonly always: OperationsOf<A> & Pick<AnyAgentClient<A>, 'op'>
}

/**
 * A running agent as a program uses it: each operation is a member, by its name. One that has the name of something that
 * every client has is reached by `op`.
 */
export type AgentClient<A = unknown> = AnyAgentClient<A> & OperationsOf<A>

/** An agent as the lab shows it. */
export interface Found {
  readonly instance: string
  readonly agentClass: string
  readonly state: Presence['state']
  readonly host: string | undefined
  /** Its operations with what each is and does, and whether it runs. */
  readonly ops: Readonly<
    Record<string, { readonly kind: 'task' | 'process'; readonly help: string; readonly running: boolean }>
  >
  readonly feeds: readonly string[]
}

/** A lab as a program uses it. */
export interface LabClient extends AsyncDisposable {
  /** All agents that have ever been seen on this hub, by instance-id. */
  agents(): Found[]
  /** One agent. @throws TransportError when it is not running */
  agent<A = unknown>(instance: string): Promise<AgentClient<A>>
}

/** Seconds the hub has to answer, and an agent that runs to be seen. */
const [HUB_SECONDS, AGENT_SECONDS] = [5, 3]

/** Connects to a lab. @throws TransportError when there is no hub */
export async function openLab(options: ClientOptions): Promise<LabClient> {
  const { url, credentials, root, signal, patience = 15, insist = 600, log = () => {} } = options
  signal?.throwIfAborted()
  await using opened = new AsyncDisposableStack()
  const client = options.client ?? `script-${crypto.randomUUID().slice(0, 8)}`
  const onBad = (topic: string, reason: string) => log(`a message on ${topic} was left out: ${reason}`)
  const bus = opened.use(connectMqtt({ url, credentials, client, onBad }))
  await reached(bus, url, Math.min(HUB_SECONDS, patience))
  const view = opened.use(await viewLab(bus, root))
  const ask = opened.use(await caller(bus, root))
  await view.settled()
  let was = true
  opened.use(
    bus.onConnected((connected) => {
      if (connected !== was) log(connected ? 'the hub is back' : `the hub at ${url} is lost; reconnecting`)
      was = connected
    }),
  )
  const closing = new AbortController()
  opened.defer(() => closing.abort())
  const line: Line = { bus, view, root, closed: closing.signal, patience }
  const kept = opened.move()

  return {
    agents: () => [...view.instances].sort().map(([instance, one]) => found(instance, one)),
    async agent<A>(instance: string) {
      const there = () => {
        const seen = view.instances.get(instance)
        return seen?.state === 'online' ? seen.api : undefined
      }
      const api = await awaitChange(line, instance, there, {
        signal,
        timeout: Math.min(AGENT_SECONDS, patience),
        what: instance,
      }).catch((cause: unknown) => {
        signal?.throwIfAborted()
        throw new TransportError(notRunning(line, instance), { cause })
      })
      const operations = (remote: { readonly signal?: AbortSignal | undefined; readonly insist: number }) => {
        const ops = Object.entries(api.ops).map(([name, info]) => {
          return [name, remoteOperation(name, info, { line, ask, instance, log, ...remote })] as const
        })
        return Object.fromEntries(ops)
      }
      const always = operations({ insist })
      const ops = operations({ signal, insist: 0 })
      const feeds = Object.fromEntries(
        Object.keys(api.feeds).map((feed) => [feed, remoteFeed(line, instance, feed, signal)]),
      )
      const op = (name: string) => member(ops, 'operation', instance, name)
      const own: AnyAgentClient = {
        instance,
        api,
        get state() {
          return view.instances.get(instance)?.state ?? 'offline'
        },
        feeds: strict(feeds, 'feed', instance),
        last: async (feed) => member(feeds, 'feed', instance, feed).last(),
        op,
        lock: (by) => holdLock(by, { line, ask, instance, log }),
        query: (name, params = {}) => ask.query(instance, name, params),
        always: strict(
          { ...always, op: (name: string) => member(always, 'operation', instance, name) },
          'operation',
          instance,
        ) as AnyAgentClient['always'],
        // The lab's connection is the lab's to close.
        [Symbol.asyncDispose]: async () => {},
      }
      const whole = Object.defineProperties({ ...ops }, Object.getOwnPropertyDescriptors(own))
      return strict(whole, 'operation', instance) as AgentClient<A>
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/**
 * Connects to one agent; disposing it closes the connection.
 * @throws TransportError when there is no hub, or the agent is not running
 */
export async function openAgent<A = unknown>(
  instance: string,
  options: ClientOptions,
): Promise<AgentClient<A>> {
  await using opened = new AsyncDisposableStack()
  const lab = opened.use(await openLab(options))
  const agent = await lab.agent<A>(instance)
  const kept = opened.move()
  return Object.defineProperty(agent, Symbol.asyncDispose, { value: () => kept.disposeAsync() })
}

type Seen = ReturnType<Line['view']['instances']['get']> & {}

function found(instance: string, { api, presence, state, sessions }: Seen): Found {
  const ops = Object.entries(api?.ops ?? {}).map(([name, { kind, help }]) => {
    const status = sessions.get(name)?.status ?? 'done'
    return [name, { kind, help, running: state === 'online' && status !== 'done' }] as const
  })
  return {
    instance,
    agentClass: api?.agent_class ?? presence?.agent_class ?? '',
    state,
    host: presence?.host,
    ops: Object.fromEntries(ops),
    feeds: Object.keys(api?.feeds ?? {}),
  }
}

function notRunning({ view }: Line, instance: string): string {
  const running = [...view.instances].filter(([, { state }]) => state === 'online').map(([name]) => name)
  const state = view.instances.get(instance)?.state ?? 'not running'
  const hint = nearOr(instance, running, 'these are')
  return `${instance} is ${state}: start it with ocs agent --instance-id=${instance} (${hint})`
}

/** A member, or an error that tells which there are. */
function member<T>(members: Readonly<Record<string, T>>, kind: string, instance: string, name: string): T {
  const there = Object.hasOwn(members, name) ? members[name] : undefined
  if (there !== undefined) return there
  throw new UsageError(notFound(`${instance} has no ${kind}`, name, Object.keys(members), 'it has'))
}

/** An object whose missing members are errors. A promise asks what it resolves with for `then`, a printer for `toJSON`. */
function strict<T extends object>(members: T, kind: string, instance: string): T {
  return new Proxy(members, {
    get(target, name, receiver) {
      if (typeof name === 'symbol' || name in target || name === 'then' || name === 'toJSON')
        return Reflect.get(target, name, receiver)
      return member(target as Readonly<Record<string, unknown>>, kind, instance, name)
    },
  })
}
