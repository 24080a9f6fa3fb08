import type { Running } from '../test/real/roles.ts'
import type { Anchor } from './anchors/anchor.ts'
import type { Goal } from './goal.ts'
import type { BenchLab } from './lab.ts'

/** What one round of one side measured, by name. */
export type Figures = Readonly<Record<string, number>>
/** The rounds of each side in order; `ocs` is this product. undefined: that round failed or was not run. */
export type Sides = Readonly<Record<string, readonly (Figures | undefined)[]>>
/** Measures one round of a side. */
export type Measure = (round: number) => Promise<Figures>

/** A row of the table: a figure of ours, beside one of theirs. */
export interface RowSpec {
  readonly work: string
  /** Its name in the figures of both sides; several are what the same work costs at growing sizes, which is shown as a curve. */
  readonly figure: string | readonly string[]
  readonly unit: string
  /** The side it is compared with; none where it stands alone. */
  readonly against?: string
  /** Our own side where a bench runs the product in more than one way; `ocs` otherwise. */
  readonly ours?: string
  readonly goal?: Goal
}

/** One bench: what it needs, what it shows, and how it is run. */
export interface Bench {
  readonly name: string
  readonly help: string
  readonly anchors: readonly Anchor[]
  /** How many rounds a full run has. */
  readonly rounds: number
  readonly rows: readonly RowSpec[]
  /** Seconds that it may take in all; 7 minutes otherwise. */
  readonly patience?: number
  /** How the product was started and who spoke to whom with what, for the table. */
  readonly how: string
  readonly run: (bench: Bencher) => Promise<Sides>
}

/** What a running bench is given. */
export interface Bencher {
  readonly lab: BenchLab
  /** Small, for CI: counts are judged, times are not. */
  readonly quick: boolean
  readonly rounds: number
  /** Whether an anchor is installed here. */
  has(anchor: Anchor): boolean
  /** The second value in a quick run. */
  size(full: number, quick: number): number
  /** Runs the sides by turns, each round in another order. */
  interleave(sides: Readonly<Record<string, Measure | undefined>>): Promise<Sides>
  /** Runs all sides at once, round by round: for what takes its time in any case, and little of the machine. */
  together(sides: Readonly<Record<string, Measure | undefined>>): Promise<Sides>
  /** Something that has to be exact: messages, rows. A difference fails the run; of an anchor (`NAME: what`) it is said. */
  count(what: string, got: number, expected: number): void
  /** Says what is happening. */
  say(text: string): void
}

/** A hub under test. */
export interface Hub {
  readonly url: string
  readonly running: Running
}
