import { z } from 'zod'
import { builtIn } from './built-in.ts'
import { checkAgent, checkOperation } from './declaration/check-agent.ts'
import type { Keys } from './declaration/check-keys.ts'
import type { FeedPublisher, FeedSpec, FieldSpec } from './feed-spec.ts'
import type { Lab } from './lab.ts'
import type { Picture } from './shown-node.ts'

type Schema = z.ZodObject

type Out<S extends z.ZodType> = z.output<S>

/** What `connect` returns: any object. If it has a `link` and that closes, the agent connects again. */
export interface Linked {
  readonly link?: { readonly closed: AbortSignal; close(): Promise<void> }
}

/** The running session as its operation sees it. */
export interface SessionHandle<D> {
  readonly data: D | undefined
  /**
   * Replaces the session's data. `status` shows it at once; on the bus it appears at most once a second, for
   * a process at most every 5 s, because a process changes it with each reading.
   * @param soon publish a process's data once a second too, because something acts on it
   */
  set(data: D, soon?: boolean): void
  /** Running but failing at the moment; set it back to false when it works again. */
  degraded: boolean
  /** Sets `degraded` and logs why, unless that reason is logged already. */
  degrade(why: string): void
  /** Adds a line to the session's messages and to the log. */
  log(text: string): void
}

/** A resource that only one instance can use. */
export interface Claim {
  /** The argument that sets it; none if it belongs to the class. */
  readonly argument?: string
  /**
   * Equal for two instances that use the same resource, whatever their class and spelling:
   * `tcp://10.0.0.5:7777`.
   */
  readonly key: string
  /** Its name in the error message for the second instance: `serial number LSA22YG`. */
  readonly text: string
  /** Whether each computer has its own, as with folders and serial ports. */
  readonly local?: boolean
}

/** What a data node serves. */
export interface ServedReadings {
  /** The first part of its metric names. */
  readonly name: string
  readonly description: string
  /** The instance it serves, and which feed of it; all feeds if none is named. */
  readonly target?: string
  readonly feed?: string
}

/** Limits for identifying an instrument. */
export interface IdentifyOptions {
  /** Milliseconds for each answer. */
  readonly timeout: number
  readonly signal: AbortSignal
}

/** What the function of an operation is called with. */
export interface OpContext<P, D, A, I, F extends string> {
  readonly params: P
  readonly args: A
  readonly session: SessionHandle<D>
  readonly instrument: I
  readonly feeds: Readonly<Record<F, FeedPublisher>>
  /** Aborted by `stop` and `abort`; an operation ends soon after. */
  readonly signal: AbortSignal
  readonly lab: Lab
  /**
   * Starts another operation of this agent, unless it is already running.
   * @throws OpError when it cannot start
   */
  start(op: string, params?: Readonly<Record<string, unknown>>): void
}
/**
 * The function of an operation. It returns a closing message or nothing, or throws: `OpError` with a message
 * for the caller, `TransportError` to degrade and retry.
 */
export type Run<P, D, A, I, F extends string> = (op: OpContext<P, D, A, I, F>) => Promise<unknown>

/** An operation as declared. */
export interface OpSpec<P extends Schema = Schema, D extends z.ZodType = z.ZodType> {
  readonly kind: 'task' | 'process'
  readonly help: string
  readonly params: P
  readonly data: D | undefined
  /** Whether it starts with the agent, and with which parameters. */
  readonly startup: (args: never) => boolean | Readonly<Record<string, unknown>>
  /** Access level a caller needs: 1 basic, 2 advanced, 3 full. */
  readonly min_privs: 1 | 2 | 3
}
/** A query: answered at once, without a session; several can run at a time. */
export interface QuerySpec {
  readonly help: string
  readonly params: Schema
}

// biome-ignore lint/complexity/noBannedTypes: zod's own empty shape
type Empty = z.ZodObject<{}>
interface OpOptions<P extends Schema, D extends z.ZodType, A> {
  readonly help: string
  readonly params?: P
  readonly data?: D
  /** Starts with the agent: always, with these parameters, or as the agent's arguments say. */
  readonly startup?: boolean | z.input<NoInfer<P>> | ((args: A) => boolean | z.input<NoInfer<P>>)
  readonly min_privs?: 1 | 2 | 3
}
interface QueryOptions<P extends Schema> {
  readonly help: string
  readonly params: P
}
type Answer<P, A, I> = (q: {
  readonly params: P
  readonly args: A
  readonly instrument: I
}) => unknown | Promise<unknown>

/** The declaration of an agent without its operations. */
export interface AgentSpec<A extends Schema, F extends string, I extends object> {
  /** The `agent-class` of site files. */
  readonly class: string
  /** Other spellings found in site files. */
  readonly aliases?: readonly string[]
  readonly help: string
  readonly args: A
  /** How the instrument is connected: port, speed, address, switches; Markdown, for its reference page. */
  readonly wiring?: string
  /** Example arguments, as in a site file; for its reference page. */
  readonly example?: Readonly<Partial<z.input<A>>>
  /** Flags of OCS's or socs' agent of this class that have no effect here, each with the reason. */
  readonly retired?: Readonly<Record<string, string>>
  readonly feeds: Readonly<Record<F, FeedSpec<I>>>
  /** Whether it stands for a program, which declares itself and checks its own arguments. */
  readonly isProgram?: boolean
  /** Whether it opens feeds beyond those it declares (`Lab.handOver`). */
  readonly opensFeeds?: boolean
  /**
   * The resources it needs for itself, from its arguments: an instrument, a folder, a name.
   * @throws ConfigError for an invalid address
   */
  readonly claims?: (args: Out<A>) => readonly Claim[]
  /**
   * Asks the instrument to identify itself, for `ocs check`; undefined if it cannot be asked.
   * @throws TransportError when nothing answers, or another instrument does
   */
  readonly identify?: (args: Out<A>, options: IdentifyOptions) => Promise<string | undefined>
  /** A label for its readings if nothing else names them: a serial number. */
  readonly label?: (args: Out<A>) => string | undefined
  /** For a data node: what it serves. */
  readonly serves?: (args: Out<A>) => ServedReadings
  /** A picture of its own for the dashboards. */
  readonly dashboard?: Picture
  /** Whether it reads `alarms:` of the site file, and which instances should run, when it starts. */
  readonly readsAlarms?: boolean
  /** Checks that the agent can work at all, before it is announced. @throws ConfigError when it cannot */
  readonly check?: (args: Out<A>, log: (text: string) => void) => void
  /** Opens the instrument; called again after each loss. @throws TransportError to be tried again later */
  readonly connect: (args: Out<A>, lab: Lab, signal: AbortSignal) => Promise<I>
  /** The log line for an agent that starts no operation by itself. */
  readonly idle?: (instance: string) => string
}

/** A declared agent; chain `.task`, `.process` and `.query` to give it operations. */
export interface Agent<
  A extends Schema = Schema,
  F extends string = string,
  I extends object = object,
  O extends Record<string, OpSpec> = Record<string, OpSpec>,
> {
  readonly spec: AgentSpec<A, F, I>
  readonly ops: O
  readonly runs: ReadonlyMap<string, Run<unknown, unknown, Out<A>, I, F>>
  readonly queries: ReadonlyMap<string, QuerySpec & { readonly answer: Answer<unknown, Out<A>, I> }>
  /** Declares an operation that ends by itself. */
  task<N extends string, P extends Schema = Empty, D extends z.ZodType = z.ZodUnknown>(
    name: N,
    options: OpOptions<P, D, Out<A>>,
    run: Run<Out<P>, z.input<D>, Out<A>, I, F>,
  ): Agent<A, F, I, O & Record<N, OpSpec<P, D>>>
  /** Declares an operation that runs until it is stopped. */
  process<N extends string, P extends Schema = Empty, D extends z.ZodType = z.ZodUnknown>(
    name: N,
    options: OpOptions<P, D, Out<A>>,
    run: Run<Out<P>, z.input<D>, Out<A>, I, F>,
  ): Agent<A, F, I, O & Record<N, OpSpec<P, D>>>
  /** Declares a query that other roles can send. */
  query<P extends Schema>(
    name: string,
    options: QueryOptions<P>,
    answer: Answer<Out<P>, Out<A>, I>,
  ): Agent<A, F, I, O>
}

const noParams = z.object({})

const SPEC: Keys<AgentSpec<Schema, string, object>> = {
  ...({ class: 'must', aliases: 'may', help: 'must', args: 'must', wiring: 'may' } as const),
  ...({ example: 'may', retired: 'may', feeds: 'must', claims: 'may', identify: 'may' } as const),
  ...({
    label: 'may',
    serves: 'may',
    dashboard: 'may',
    isProgram: 'may',
    opensFeeds: 'may',
    readsAlarms: 'may',
    check: 'may',
  } as const),
  ...({ connect: 'must', idle: 'may' } as const),
}
const FEED: Keys<FeedSpec<object>> = {
  ...({ help: 'must', record: 'must', frame_length: 'may', rhythm: 'may' } as const),
  ...({ buffer_time: 'may', blocks: 'must', typical: 'may', exclude_influx: 'may' } as const),
}
const FIELD: Keys<FieldSpec> = {
  ...({ type: 'may', units: 'may', description: 'may', range: 'may' } as const),
  ...({ resolution: 'may', rhythm: 'may', bits: 'may', influxdb_tags: 'may', influxdb_int: 'may' } as const),
  ...({ unread: 'may' } as const),
}
const OPERATION: Keys<OpOptions<Schema, z.ZodType, unknown>> = {
  ...({ help: 'must', params: 'may', data: 'may', startup: 'may', min_privs: 'may' } as const),
}
const KEYS = { spec: SPEC, feed: FEED, field: FIELD, operation: OPERATION }

/**
 * Declares an agent. From this one declaration come its command-line flags, the check of its `arguments:` in
 * a site file, the check of every request, its self-description, its typed client and its reference page.
 * @throws ConfigError for an unknown or missing key; Error when an operation or query is declared twice or
 *   built in (a bug in the declaration)
 */
export function defineAgent<A extends Schema, F extends string, I extends object>(
  spec: AgentSpec<A, F, I>,
  // biome-ignore lint/complexity/noBannedTypes: no operations yet
): Agent<A, F, I, {}> {
  checkAgent(spec, KEYS)
  const ops: Record<string, OpSpec> = {}
  const runs = new Map<string, Run<unknown, unknown, Out<A>, I, F>>()
  const queries = new Map<string, QuerySpec & { readonly answer: Answer<unknown, Out<A>, I> }>()
  const once = (name: string) => {
    if (name in ops || queries.has(name)) throw new Error(`${spec.class}: ${name} is declared twice`)
    if (Object.hasOwn(builtIn, name)) throw new Error(`${spec.class}: ${name} is built in`)
  }
  const add =
    (kind: OpSpec['kind']) =>
    (name: string, options: OpOptions<Schema, z.ZodType, Out<A>>, run: Run<never, never, Out<A>, I, F>) => {
      once(name)
      checkOperation(options, `${spec.class}: ${kind} ${name}`, KEYS)
      const { startup = false } = options
      ops[name] = {
        kind,
        help: options.help,
        params: options.params ?? noParams,
        data: options.data,
        startup: typeof startup === 'function' ? startup : () => startup,
        min_privs: options.min_privs ?? 1,
      }
      runs.set(name, run as Run<unknown, unknown, Out<A>, I, F>)
      return agent
    }
  const agent = {
    spec,
    ops,
    runs,
    queries,
    task: add('task'),
    process: add('process'),
    query(name: string, options: QueryOptions<Schema>, answer: Answer<never, Out<A>, I>) {
      once(name)
      queries.set(name, { ...options, answer: answer as Answer<unknown, Out<A>, I> })
      return agent
    },
    // Each call returns this same object; only its type grows with the operations.
  } as unknown as Agent<A, F, I, never>
  return agent
}
