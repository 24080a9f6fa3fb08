/** What agents and clients of OCS say to one another, in the shapes that they know (ocs 0.12.1). */
import type { Duplex } from 'node:stream'
import type { FeedDeclaration, Row, Tags } from './channels.ts'
import type { FieldType } from './wire.ts'

/** A call of a procedure, as `client_http.py` makes it: `observatory.ls240.ops` with `start`, an operation, parameters. */
export interface OcsCall {
  readonly procedure: string
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
}

/** How a dotted topic is meant: itself, all that begin with it, or any with something in the places of empty words. */
export interface OcsTopic {
  readonly topic: string
  readonly match: 'exact' | 'prefix' | 'wildcard'
}

/** What a feed publishes: `blocks` of a recorded one, `message` of another, and what the feed is (`ocs_feed.Feed`). */
export interface OcsMessage {
  readonly blocks?: Readonly<Record<string, OcsBlock>>
  readonly message?: unknown
  readonly feed: Readonly<Record<string, unknown>>
}
interface OcsBlock {
  readonly block_name: string
  readonly timestamps: readonly number[]
  readonly data: Row['data']
  /** Of each field, so that text in a number's place is read as one. */
  readonly types: Readonly<Record<string, FieldType>>
  /** Tags for InfluxDB, by field, where there are some. */
  readonly influxdb_tags?: Readonly<Record<string, Tags>>
}

/** What OCS calls `agg_params` of a feed. */
export function aggParams(
  feed: Pick<FeedDeclaration, 'frame_length' | 'exclude_influx'> | undefined,
): Readonly<Record<string, unknown>> {
  const { frame_length, exclude_influx } = feed ?? {}
  return { frame_length, ...(exclude_influx && { exclude_influx }) }
}

/** Somebody who calls procedures over HTTP. */
export interface OcsVisitor {
  /** The same for each call of the same principal from the same address. */
  readonly key: string
  /** `maya@10.0.0.7`. */
  readonly name: string
  /** A connection to the hub, which lets it in as who it is. */
  connect(): Duplex
}

/** Answers calls of procedures in the names of their callers. */
export interface OcsCalls extends AsyncDisposable {
  /**
   * @param signal says that the caller does not wait any more
   * @throws OpError when there is no such procedure, TransportError when its agent does not answer
   */
  answer(call: OcsCall, by: OcsVisitor, signal: AbortSignal): Promise<unknown>
}
