/** The declaration of an instrument that is described by a table. */
import type { z } from 'zod'
import type { AgentSpec } from '../core/agent.ts'
import type { Value } from '../core/wire.ts'
import type { Sampled } from './sweep.ts'
import type { Command, Getting, Reading, Setting } from './table.ts'
import type { Link } from './transport/link.ts'
import type { OpenLineOptions } from './transport/open.ts'

/** A connected instrument: what was found out about it, and its readings. */
export interface Instrument<S> {
  readonly link: Link
  /**
   * Replaced, never mutated, by a task that changes which fields are read; they are declared with the next
   * sweep.
   */
  state: S
  /** Its readings, according to its state. */
  readonly readings: readonly Reading[]
  /**
   * Seconds between two sweeps: from the arguments, or from the parameters of the present or last run of the
   * process.
   */
  rhythm: number | undefined
  /**
   * Changes of what the readings depend on: completed, and in progress. A sweep during a change mixes old and
   * new units.
   */
  changes: number
  changing: number
}

/** The result of a sweep, for the data of a session. */
export interface SweepData {
  /** Unix s of the first reading. */
  readonly timestamp: number
  readonly blocks: readonly Sampled[]
  readonly fields: Readonly<Record<string, Value>>
  /** Failed readings so far, by command; each kind of fault is reported once. */
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
  /** Sweeps per second, Hz. */
  readonly rate: (args: A, params: z.output<z.ZodObject<P>>) => number
  /** Whether it starts with the agent, and with which parameters; always by default. */
  readonly startup?: (args: A) => boolean | Params
  /** Selects and orders the readings according to the parameters; all in the declared order by default. */
  readonly choose?: (readings: readonly Reading[], params: z.output<z.ZodObject<P>>) => readonly Reading[]
  /** The data of its session; `SweepData` without `blocks` by default. */
  readonly data?: (sweep: SweepData, state: S) => D
  /** The message if there is nothing to read: how to change that. */
  readonly nothing?: string
}

/** The declaration of an instrument: a table, and how it is found. */
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
   * Its address, as `openLink` takes it, or a search that runs at each connection.
   * @throws ConfigError if the arguments give neither
   */
  readonly address: (args: z.output<A>) => string | ((signal: AbortSignal) => Promise<string>)
  readonly open?: (args: z.output<A>) => OpenLineOptions
  /**
   * Queries what its readings depend on; also called by the task `init`, with the state known before.
   * @throws TransportError if it is another instrument
   */
  readonly survey?: (
    link: Link,
    args: z.output<A>,
    log: (text: string) => void,
    before: S | undefined,
  ) => Promise<S>
  readonly feed: { readonly name: F; readonly help: string; readonly frame_length?: number }
  readonly readings: readonly Reading[] | ((state: S, args: z.output<A>) => readonly Reading[])
  /**
   * If readings depend on its state: those of a usual instrument, for dashboards made before it is connected.
   */
  readonly typical?: readonly Reading[]
  readonly acq: Acquiring<z.output<A>, S, N, P, D>
  /** The name of the task that surveys it again: `init_lakeshore`. */
  readonly init?: I
  readonly settings?: readonly Setting[]
  readonly gettings?: readonly Getting[]
  readonly commands?: readonly Command[]
  /**
   * Changes values before they are published: those that the status makes invalid become NaN. `state` is from
   * the beginning of the sweep, `now` from its end.
   */
  readonly judge?: (values: Record<string, Value>, state: S, now: S) => void
}

/** A spec of any shape. */
// biome-ignore lint/suspicious/noExplicitAny: what its process takes and tells, only its own declaration knows
export type AnySpec<A extends z.ZodObject, S> = InstrumentSpec<A, S, string, string, any, any, string>
