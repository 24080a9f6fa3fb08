import { z } from 'zod'
import type { AlarmSettings } from './alarm-rules.ts'
import type { Bits } from './bits.ts'
import { builtIn } from './built-in.ts'
import type { AgentApi, NodeInfo, Presence, Tags } from './channels.ts'
import { checkAgent, checkOperation } from './check-agent.ts'
import type { Keys } from './check-keys.ts'
import type { Counts } from './counter-help.ts'
import type { FeedSink, Follower, FollowOptions } from './feed-sink.ts'
import type { ManagedHost } from './managed-host.ts'
import type { OcsCall, OcsMessage, OcsTopic } from './ocs.ts'
import type { OpSession } from './ops.ts'
import type { Picture } from './shown-node.ts'
import type { FieldType, Value } from './wire.ts'

type Schema = z.ZodObject

type Out<S extends z.ZodType> = z.output<S>

/** A field of a block: its type in the archive (default double), its units, what it is. */
export interface FieldSpec {
  readonly type?: FieldType
  readonly units?: string
  readonly description?: string
  /** Lowest and highest valid value (null: open). Values outside are kept, and counted as `out_of_range`. */
  readonly range?: readonly [number | null, number | null]
  /** The least step between two values, in the field's units: what is shown has as many digits. */
  readonly resolution?: number
  /** Seconds between two samples, or between two visits of a scanner; that of the feed by default. */
  readonly rhythm?: number
  /** Of an int that is a sum of bits: what each means, by its value. It is shown in words. */
  readonly bits?: Bits
  /** Tags for InfluxDB, `_field` what it is called there, as agents of OCS publish them. */
  readonly influxdb_tags?: Tags
  /** Of a double that OCS's agent of this class publishes as a whole number: databases have it as one. */
  readonly influxdb_int?: boolean
  /** What stands for a value that could not be read: NaN of a double; of another type its message is left out without it. */
  readonly unread?: Value
}
/** Field specs by block and field name. */
export type Blocks = Readonly<Record<string, Readonly<Record<string, FieldSpec>>>>

/** A named stream of an agent. */
export interface FeedSpec<I> {
  readonly help: string
  /** Whether the recorder keeps it. */
  readonly record: boolean
  /** Seconds of data a frame in the `.g3` file spans at most; default 300, as in OCS. */
  readonly frame_length?: number | ((instrument: I) => number)
  /** Whether it is recorded and goes into no database; default false. */
  readonly exclude_influx?: boolean
  /** Seconds between two samples of fields that say none of their own; unknown by default. */
  readonly rhythm?: number | ((instrument: I) => number | undefined)
  /** Seconds that samples are gathered into one row of several; default 0, each message at once. */
  readonly buffer_time?: number
  /** What it carries, when need be by what the instrument turned out to be. */
  readonly blocks: Blocks | ((instrument: I) => Blocks)
  /** Where `blocks` depend on the instrument: those of a usual one, for dashboards that are drawn before it is there. */
  readonly typical?: Blocks
}

/** What an agent is connected to: any object. A `link` that closes is opened anew. */
export interface Linked {
  readonly link?: { readonly closed: AbortSignal; close(): Promise<void> }
}

/** The running session as its operation sees it. */
export interface SessionHandle<D> {
  readonly data: D | undefined
  /**
   * Replaces the session's data; seen by `status` at once, on the bus at most each second, that of a process each 5 s, since it
   * changes with each reading.
   * @param soon of a process, too, each second: somebody decides by it
   */
  set(data: D, soon?: boolean): void
  /** Running, but failing for now; set back to false when it works again. */
  degraded: boolean
  /** Sets it degraded and says why, unless it is degraded for that already. */
  degrade(why: string): void
  /** Adds a line to the session's messages and to the log. */
  log(text: string): void
}

/** One feed as an operation publishes to it. */
export interface FeedPublisher {
  /**
   * Hands over co-sampled values of a block: one sample, or as many as there are times (unix s, UTC, of the readings).
   * A value that does not fit its field, or a name that is none, is left out, counted, and told once; nothing is thrown.
   */
  publish(
    block: string,
    time: number | readonly number[],
    values: Readonly<Record<string, Value | readonly Value[]>>,
  ): void
  /** Hands over any JSON, of a feed that is not recorded; what JSON cannot hold is quarantined. */
  send(message: unknown): void
  /** The instrument has changed: its `blocks` are asked for again, and other ones begin a new epoch. */
  redeclare(): void
}

/** The agents of a lab as their retained topics tell, kept up to date until disposed. */
export interface LabAgents extends AsyncDisposable {
  readonly instances: ReadonlyMap<
    string,
    {
      readonly presence: Presence | undefined
      readonly api: AgentApi | undefined
      readonly sessions: ReadonlyMap<string, OpSession>
      /** `lost` also for one that says online but has not been heard of for a while. */
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

/** A document of JSON that outlives the process; on disk for `kill -9` once `save` returns. */
export interface Memory {
  load(): unknown
  save(document: unknown): void
  /** Why neither it nor the agent's sessions can be kept; undefined while they can. */
  problem(): string | undefined
}

/** How an agent hands over what no operation of its own publishes: the lines of a program. */
export interface HandOver {
  /** What a feed is published to; opens it, as `spec` says, when the agent has none of this name. */
  feed(name: string, spec: () => FeedSpec<never>): FeedPublisher
  /** Resolves once all that was published so far is on disk, where it is recorded. */
  committed(): Promise<void>
  /** Whether the spool holds a row of this block with these times. */
  holds(feed: string, block: string, t: readonly number[]): boolean
  /** When the last row was of a feed that the spool has, unix s; undefined where it has none. */
  lastTime(feed: string): number | undefined
  /** Starts an operation, unless it is under way. @throws OpError when it cannot start */
  start(op: string, params: Readonly<Record<string, unknown>>): void
  /** Calls a procedure of another agent. @throws OpError when there is none, TransportError without an answer */
  call(call: OcsCall): Promise<unknown>
  /** Hears what other feeds publish from now on. */
  listen(topic: OcsTopic, heard: (message: OcsMessage) => void): Promise<AsyncDisposable>
}

/** Where devices of others publish: the lab's own hub, unless another broker is named. */
export interface DeviceBroker {
  readonly url?: string | undefined
  readonly user?: string | undefined
  /** Its first line is the password. */
  readonly passwordFile?: string | undefined
  /** The authority of its certificate, PEM. */
  readonly ca?: string | undefined
}
/** What a device has published; `text` is undefined where it is longer than any reading. */
export interface DeviceMessage {
  readonly topic: string
  readonly text: string | undefined
  readonly bytes: number
  /** Kept by the broker from before: nobody says since when. */
  readonly retained: boolean
}
/** Topics of devices as they are heard. */
export interface DeviceTopics {
  /** Why they are not heard just now, or not all; undefined while they are. */
  problem(): string | undefined
  close(): Promise<void>
}

/** The agent's surroundings, for agents that read others (recorder, data nodes). */
export interface Lab {
  readonly root: string
  readonly instance: string
  /** Undefined where the agent runs without a site file. */
  readonly site: LabSite | undefined
  readonly memory: Memory
  /** Reads recorded feeds of other agents until disposed. */
  follow(sink: FeedSink, options?: FollowOptions): Promise<Follower>
  /** Asks a query of another agent, for `timeout` s. @throws TransportError without an answer, OpError with the agent's refusal */
  ask(
    instance: string,
    query: string,
    params: Readonly<Record<string, unknown>>,
    timeout?: number,
  ): Promise<unknown>
  /** Watches which agents there are and what their operations do; without `sessions`, which are most of what agents say, what they declare alone. */
  agents(watched?: { readonly sessions: boolean }): Promise<LabAgents>
  /**
   * Reads a file that a request names, from the folder of `--files-dir` alone, and parses it. What is wrong in it goes to the
   * agent's log, since whoever asks need not be one who may read it.
   * @param parse is given the text and the name
   * @throws OpError
   */
  readFile<T>(name: string, parse: (text: string, name: string) => T): Promise<T>
  /**
   * Hears what devices of others publish, on topics outside the lab's own.
   * @throws ConfigError for a password or a certificate that cannot be used
   */
  hearDevices(
    broker: DeviceBroker,
    topics: readonly string[],
    heard: (message: DeviceMessage) => void,
  ): DeviceTopics
  /** Writes a line to the agent's log. */
  log(text: string): void
  /** Publishes an event: audit, alarm, something lost. */
  event(level: 'info' | 'warning' | 'error', kind: string, text: string): void
  /** Adds counters to those in the agent's presence; `core/counters.ts` names them. Once disposed they stay as they are then. */
  counters(read: () => Counts): Disposable
  /** What is handed over outside of operations, by a program of its own. */
  readonly handOver: HandOver
  /** The host whose instances this process keeps alive; undefined for one that keeps none. */
  readonly host?: ManagedHost | undefined
  /** Names this agent as a data node; in its `api`. */
  announceNode(node: NodeInfo): void
}

/** Something that two instances cannot both have. */
export interface Claim {
  /** The argument that says it; none where it goes with the class. */
  readonly argument?: string
  /** The same for both, whatever their class and however it is written: `tcp://10.0.0.5:7777`. */
  readonly key: string
  /** What the second is told is taken: `serial number LSA22YG`. */
  readonly text: string
  /** Whether each computer has one of its own, as of folders and serial ports. */
  readonly local?: boolean
}

/** What a data node serves. */
export interface Served {
  /** What its metrics begin with. */
  readonly name: string
  readonly description: string
  /** The instance whose readings it serves, and which feed of it: all of them where none is named. */
  readonly target?: string
  readonly feed?: string
}

/** How long an instrument is asked who it is. */
export interface Asking {
  /** Milliseconds for each answer. */
  readonly timeout: number
  readonly signal: AbortSignal
}

/** What an operation's function is handed. */
export interface OpContext<P, D, A, I, F extends string> {
  readonly params: P
  readonly args: A
  readonly session: SessionHandle<D>
  readonly instrument: I
  readonly feeds: Readonly<Record<F, FeedPublisher>>
  /** Aborted by `stop` and `abort`; an operation ends soon after. */
  readonly signal: AbortSignal
  readonly lab: Lab
  /** Starts another operation of this agent. @throws OpError when it cannot start; not when it is under way already */
  start(op: string, params?: Readonly<Record<string, unknown>>): void
}
/** Returns its closing message if it has one, or throws: `OpError` with a message for the caller, `TransportError` to degrade and retry. */
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
/** A question answered at once, any number at a time, without a session. */
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

/** The declaration proper: everything of an agent but its operations. */
export interface AgentSpec<A extends Schema, F extends string, I extends object> {
  /** The `agent-class` of site files. */
  readonly class: string
  /** Other spellings that site files carry. */
  readonly aliases?: readonly string[]
  readonly help: string
  readonly args: A
  /** How the instrument is connected: port, speed, address, switches; Markdown, for its reference page. */
  readonly wiring?: string
  /** Arguments as a site file would have them; for its reference page. */
  readonly example?: Readonly<Partial<z.input<A>>>
  /** Flags that OCS's or socs' agent of this class had and that do nothing here, with why. */
  readonly retired?: Readonly<Record<string, string>>
  readonly feeds: Readonly<Record<F, FeedSpec<I>>>
  /** Whether it stands for a program, which says itself what it is and checks its own arguments. */
  readonly isProgram?: boolean
  /** Whether it opens feeds that it does not declare (`Lab.handOver`). */
  readonly opensFeeds?: boolean
  /** What no other instance may have, by its arguments: an instrument, a folder, a name. @throws ConfigError for an address that cannot be */
  readonly claims?: (args: Out<A>) => readonly Claim[]
  /**
   * Asks the instrument who it is, for `ocs check`; undefined where nobody can be asked.
   * @throws TransportError when nobody answers, or another one
   */
  readonly identify?: (args: Out<A>, asking: Asking) => Promise<string | undefined>
  /** What its readings go by where nothing else names them: a serial number. */
  readonly label?: (args: Out<A>) => string | undefined
  /** Of a data node: what it serves. */
  readonly serves?: (args: Out<A>) => Served
  /** The picture of its own that it has among the dashboards. */
  readonly dashboard?: Picture
  /** Whether it reads `alarms:` of the site file, and who should run, when it starts. */
  readonly readsAlarms?: boolean
  /** Looks, before anything is announced, whether the agent could work at all. @throws ConfigError when it could not */
  readonly check?: (args: Out<A>, log: (text: string) => void) => void
  /** Opens the instrument; called again after each loss. @throws TransportError to be tried again later */
  readonly connect: (args: Out<A>, lab: Lab, signal: AbortSignal) => Promise<I>
  /** What a log line says when no operation starts by itself. */
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
  /** Declares a question other roles may ask. */
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
 * Declares an agent. From this one declaration come its command-line flags, the check of its `arguments:` in a site
 * file, the check of every request, its self-description, its typed client and its reference page.
 * @throws ConfigError for a key that is none or is missing; Error when an operation or query is declared twice or built in (a bug in the declaration)
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
    // The chain adds each operation's types; what is built up here is the same object throughout.
  } as unknown as Agent<A, F, I, never>
  return agent
}
