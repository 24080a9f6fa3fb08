import type { FeedDeclaration, HeldEpoch, Row } from './channels.ts'

/** One epoch of one recorded feed: what a recorder calls a provider. */
export interface FeedEpoch {
  readonly instance: string
  readonly feed: string
  readonly epoch: string
  /** The spool that holds the epoch; a new spool means that the agent's state directory was lost or moved. */
  readonly spool: string
}

/**
 * A reader of feeds (the recorder, a data node) and what it does with rows. All calls come in seq order per
 * feed.
 */
export interface FeedSink {
  /** Whether the sink wants a feed; asked at each beat and row until it says yes. */
  wants(instance: string, feed: string): boolean
  /** Whether the sink has no room now, so that no rows need to be requested. */
  readonly isFull?: boolean
  /**
   * The last seq of an epoch that the sink already has (0: none), called before any row of the epoch is read.
   * `undefined`: the sink does not want this epoch.
   */
  position(from: FeedEpoch, held: HeldEpoch): number | undefined
  /**
   * Takes the rows that follow `position`.
   * @param isLive the rows came as they were published and were not requested
   * @returns false if the sink takes none of them now; they are offered again later
   */
  rows(from: FeedEpoch, declaration: FeedDeclaration, rows: readonly Row[], isLive: boolean): boolean
  /**
   * Rows `first`..`last` of an epoch are lost for good; `malformed` says why a single row that did arrive
   * could not be taken.
   */
  gap(from: FeedEpoch, first: number, last: number, malformed?: string): void
  /**
   * No more rows of an epoch will come: the next one has begun, or its spool has been drained.
   * @param last its last row according to its spool; undefined if that spool is gone, so that nobody knows
   */
  ended?(from: FeedEpoch, last: number | undefined): void
}

/** The state of a reader of feeds; for session data and `status`. */
export interface FollowState {
  /** Rows dropped because they were taken before, holes that were requested, rows still to fetch. */
  readonly duplicates: number
  readonly holes: number
  /** Rows seen that no spool holds, so that they cannot be requested again. */
  readonly unnumbered: number
  /** Rows that did not fit the declaration and were left out one by one. */
  readonly malformed: number
  readonly behind: number
  /** Acknowledgements cannot be signed and so are not sent: agents keep their rows. */
  readonly isMute: boolean
  /** Feeds followed, by `instance/feed`, and whether each has caught up. */
  readonly feeds: Readonly<
    Record<string, { readonly epoch: string; readonly last: number; readonly live: boolean }>
  >
}

/** Follows recorded feeds: live rows as they come, and missing rows by requests to the agents' spools. */
export interface Follower extends AsyncDisposable {
  readonly state: FollowState
  /** Tells an agent that rows up to `seq` are in a synced file of the data directory `dataDir` (its UUID). */
  acknowledge(from: FeedEpoch, seq: number, dataDir: string): void
}

export interface FollowOptions {
  /** Only rows of the spools at or after this unix time (s); all by default. */
  readonly since?: number
  /**
   * The only instances, or single feeds of them, that the sink wants, each listed once: the hub then sends no
   * others.
   */
  readonly of?: readonly { readonly instance: string; readonly feed?: string }[]
}
