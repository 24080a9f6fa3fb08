import type { Running } from '../test/real/roles.ts'
import type { Anchor } from './anchors/anchor.ts'
import type { Goal } from './goal.ts'
import type { BenchLab } from './lab.ts'

/** The measurements of one round of one side, by name. */
export type Figures = Readonly<Record<string, number>>
/** The rounds of each side in order; `ocs` is this product. undefined: the round failed or was not run. */
export type Sides = Readonly<Record<string, readonly (Figures | undefined)[]>>
/** Measures one round of a side. */
export type Measure = (round: number) => Promise<Figures>

/** A row of the table: one of our figures, beside one of theirs. */
export interface RowSpec {
  readonly work: string
  /**
   * Its name in the figures of both sides; several names are the cost of the same work at growing sizes,
   * shown as a curve.
   */
  readonly figure: string | readonly string[]
  readonly unit: string
  /** The side it is compared with; absent if it stands alone. */
  readonly against?: string
  /** Our own side if a bench runs the product in more than one way; `ocs` otherwise. */
  readonly ours?: string
  readonly goal?: Goal
}

/** One bench: its requirements, its rows, and how it is run. */
export interface Bench {
  readonly name: string
  readonly help: string
  readonly anchors: readonly Anchor[]
  /** Number of rounds of a full run. */
  readonly rounds: number
  readonly rows: readonly RowSpec[]
  /** Maximum seconds in total; 7 minutes by default. */
  readonly patience?: number
  /** How the product was started and what talked to what, for the table. */
  readonly how: string
  readonly run: (bench: Bencher) => Promise<Sides>
}

/** What a running bench can use. */
export interface Bencher {
  readonly lab: BenchLab
  /** Small, for CI: counts are judged, times are not. */
  readonly quick: boolean
  readonly rounds: number
  /** Whether an anchor is installed here. */
  has(anchor: Anchor): boolean
  /** Returns the second value in a quick run. */
  size(full: number, quick: number): number
  /** Runs the sides in turn, each round in another order. */
  interleave(sides: Readonly<Record<string, Measure | undefined>>): Promise<Sides>
  /** Runs all sides at once, round by round: for work that takes a fixed time, and little of the machine. */
  together(sides: Readonly<Record<string, Measure | undefined>>): Promise<Sides>
  /**
   * Compares an exact count: messages, rows. A difference fails the run; for an anchor (`NAME: what`) it is
   * only reported.
   */
  count(what: string, got: number, expected: number): void
  /** Reports progress. */
  say(text: string): void
}

/** A hub under test. */
export interface Hub {
  readonly url: string
  readonly running: Running
}
