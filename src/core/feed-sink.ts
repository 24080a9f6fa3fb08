import type { FeedDeclaration, HeldEpoch, Row } from './channels.ts'

/** One epoch of one recorded feed: what a recorder calls a provider. */
export interface FeedEpoch {
  readonly instance: string
  readonly feed: string
  readonly epoch: string
  /** The spool that holds the epoch; a new one means that the agent's state directory was lost or moved. */
  readonly spool: string
}

/** What a reader of feeds (the recorder, a data node) does with their rows. All calls come in seq order per feed. */
export interface FeedSink {
  /** The feeds wanted; asked at each beat and row of one that has not been wanted so far. */
  wants(instance: string, feed: string): boolean
  /** Whether nothing can be taken now, so that nothing need be asked for. */
  readonly isFull?: boolean
  /**
   * The last seq already had of an epoch (0: none), asked before anything of the epoch is read.
   * `undefined`: nothing of this epoch is wanted.
   */
  position(from: FeedEpoch, held: HeldEpoch): number | undefined
  /**
   * Takes rows, the next after `position`; `isLive`: they have come as they were published, and were not asked for.
   * `false`: not now (nothing is taken; they are offered again later).
   */
  rows(from: FeedEpoch, declaration: FeedDeclaration, rows: readonly Row[], isLive: boolean): boolean
  /** Rows `first`..`last` of an epoch are gone for ever; `malformed` says why a single one that came could not be taken. */
  gap(from: FeedEpoch, first: number, last: number, malformed?: string): void
  /**
   * No more rows of an epoch are to be expected: another has begun, or its spool has been drained. `last` is its last row by
   * the word of the spool it was in; undefined where that spool is gone, so that nobody can say.
   */
  ended?(from: FeedEpoch, last: number | undefined): void
}

/** How a reader of feeds is doing; for session data and `status`. */
export interface FollowState {
  /** Rows dropped because they had been taken before, holes that were asked for, rows still to fetch. */
  readonly duplicates: number
  readonly holes: number
  /** Rows seen that no spool holds, so that nobody can have them again. */
  readonly unnumbered: number
  /** Rows that did not fit and were left out, each by itself. */
  readonly malformed: number
  readonly behind: number
  /** Acknowledgements cannot be signed, so that there are none: agents keep their rows. */
  readonly isMute: boolean
  /** Feeds followed, by `instance/feed`, with whether each has caught up. */
  readonly feeds: Readonly<
    Record<string, { readonly epoch: string; readonly last: number; readonly live: boolean }>
  >
}

/** Follows recorded feeds: live rows as they come, and whatever is missing by asking the agents' spools. */
export interface Follower extends AsyncDisposable {
  readonly state: FollowState
  /** Tells an agent that rows up to `seq` are in a synced file of the data directory `dataDir` (its UUID). */
  acknowledge(from: FeedEpoch, seq: number, dataDir: string): void
}

export interface FollowOptions {
  /** Only rows at or after this unix time (s) of what the spools hold; default all. */
  readonly since?: number
  /** The only instances, and the only feeds of them, that the sink wants, each once: the hub then sends no others. */
  readonly of?: readonly { readonly instance: string; readonly feed?: string }[]
}
