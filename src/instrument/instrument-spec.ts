/** What is declared of an instrument that is a table. */
import type { z } from 'zod'
import type { AgentSpec } from '../core/agent.ts'
import type { Value } from '../core/wire.ts'
import type { Sampled } from './sweep.ts'
import type { Command, Getting, Reading, Setting } from './table.ts'
import type { Link } from './transport/link.ts'
import type { OpenLineOptions } from './transport/open.ts'

/** A connected instrument: what was found out about it, and what is read of it. */
export interface Instrument<S> {
  readonly link: Link
  /** Replaced, never changed, by a task after which other fields are read: they are declared with the next sweep. */
  state: S
  /** What is read of it, by its state. */
  readonly readings: readonly Reading[]
  /** Seconds between two sweeps, by the arguments, or by the parameters of the process that reads or did last. */
  rhythm: number | undefined
  /** Changes of what the readings depend on: so far, and under way. A sweep beside one has units of before and after. */
  changes: number
  changing: number
}

/** What a sweep has given, for the data of a session. */
export interface SweepData {
  /** Unix s of the first reading. */
  readonly timestamp: number
  readonly blocks: readonly Sampled[]
  readonly fields: Readonly<Record<string, Value>>
  /** Failed readings so far, by command; what was wrong is told once by its kind. */
  readonly errors: Readonly<Record<string, number>>
  readonly connection: { readonly last_attempt: number; readonly connected: boolean }
}

/** Parameters of an operation. */
export type Params = Readonly<Record<string, unknown>>

/** The process that reads. */
export interface Acquiring<A, S, N extends string, P extends z.ZodRawShape, D extends object> {
  /** `acq` by default. */
  readonly name?: N
  readonly help: string
  readonly params?: P
  /** Sweeps in a second, Hz. */
  readonly rate: (args: A, params: z.output<z.ZodObject<P>>) => number
  /** Whether it starts with the agent, with which parameters; always by default. */
  readonly startup?: (args: A) => boolean | Params
  /** Which of the readings these parameters want, in the order they are asked in; all as they stand by default. */
  readonly choose?: (readings: readonly Reading[], params: z.output<z.ZodObject<P>>) => readonly Reading[]
  /** What its session has as data; `SweepData` without `blocks` by default. */
  readonly data?: (sweep: SweepData, state: S) => D
  /** What is said where there is nothing to read: how that is changed. */
  readonly nothing?: string
}

/** An instrument as it is declared: a table, and how it is found. */
export interface InstrumentSpec<
  A extends z.ZodObject,
  S,
  F extends string,
  N extends string,
  P extends z.ZodRawShape,
  D extends object,
  I extends string,
> extends Pick<
    AgentSpec<A, string, Instrument<S>>,
    | 'class'
    | 'aliases'
    | 'help'
    | 'args'
    | 'wiring'
    | 'example'
    | 'retired'
    | 'claims'
    | 'identify'
    | 'label'
    | 'dashboard'
  > {
  /**
   * Its address, as `openLink` takes it, or how it is looked for at each connecting.
   * @throws ConfigError when the arguments give neither
   */
  readonly address: (args: z.output<A>) => string | ((signal: AbortSignal) => Promise<string>)
  readonly open?: (args: z.output<A>) => OpenLineOptions
  /**
   * Asks it for what its readings depend on; also by the task `init`, which hands over what was known before.
   * @throws TransportError when it is another one
   */
  readonly survey?: (
    link: Link,
    args: z.output<A>,
    log: (text: string) => void,
    before: S | undefined,
  ) => Promise<S>
  readonly feed: { readonly name: F; readonly help: string; readonly frame_length?: number }
  readonly readings: readonly Reading[] | ((state: S, args: z.output<A>) => readonly Reading[])
  /** Where readings depend on its state: those of a usual one, for dashboards that are drawn before it is there. */
  readonly typical?: readonly Reading[]
  readonly acq: Acquiring<z.output<A>, S, N, P, D>
  /** The name of the task that takes stock of it anew: `init_lakeshore`. */
  readonly init?: I
  readonly settings?: readonly Setting[]
  readonly gettings?: readonly Getting[]
  readonly commands?: readonly Command[]
  /**
   * Changes what was read before it is published: what its status does not warrant becomes NaN. `state` is that of the
   * sweep's beginning, `now` that of its end.
   */
  readonly judge?: (values: Record<string, Value>, state: S, now: S) => void
}

/** One of any shape. */
// biome-ignore lint/suspicious/noExplicitAny: what its process takes and tells, only its own declaration knows
export type AnySpec<A extends z.ZodObject, S> = InstrumentSpec<A, S, string, string, any, any, string>
