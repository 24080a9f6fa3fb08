import type { FeedPublisher, FeedSpec } from './agent.ts'

/** How an agent hands over what no operation of its own publishes: the lines of a program. */
export interface HandOver {
  /** What a feed is published to; opens it, as `spec` says, when the agent has none of this name. */
  feed(name: string, spec: () => FeedSpec<never>): FeedPublisher
  /** Resolves once all that was published so far is on disk, where it is recorded. */
  committed(): Promise<void>
  /** Whether the spool holds a row of this block with these times. */
  holds(feed: string, block: string, t: readonly number[]): boolean
  /** Starts an operation, unless it is under way. @throws OpError when it cannot start */
  start(op: string, params: Readonly<Record<string, unknown>>): void
}
