/** The messages between agents and clients of OCS, in OCS's own shapes (ocs 0.12.1). */
import type { Duplex } from 'node:stream'
import type { FeedDeclaration, Row, Tags } from './channels.ts'
import type { FieldType } from './wire.ts'

/**
 * A procedure call, as `client_http.py` makes it: `observatory.ls240.ops` with `start`, an operation,
 * parameters.
 */
export interface OcsCall {
  readonly procedure: string
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
}

/** How a dotted topic matches: exactly, as a prefix, or with any word in place of each empty one. */
export interface OcsTopic {
  readonly topic: string
  readonly match: 'exact' | 'prefix' | 'wildcard'
}

/**
 * A message of a feed: `blocks` of a recorded feed, `message` of any other, and a description of the feed
 * (`ocs_feed.Feed`).
 */
export interface OcsMessage {
  readonly blocks?: Readonly<Record<string, OcsBlock>>
  readonly message?: unknown
  readonly feed: Readonly<Record<string, unknown>>
}
interface OcsBlock {
  readonly block_name: string
  readonly timestamps: readonly number[]
  readonly data: Row['data']
  /** The type of each field, so that text in place of a number is read as one. */
  readonly types: Readonly<Record<string, FieldType>>
  /** Tags for InfluxDB, by field, if any. */
  readonly influxdb_tags?: Readonly<Record<string, Tags>>
}

/** A feed's `agg_params`, as in OCS. */
export function aggParams(
  feed: Pick<FeedDeclaration, 'frame_length' | 'exclude_influx'> | undefined,
): Readonly<Record<string, unknown>> {
  const { frame_length, exclude_influx } = feed ?? {}
  return { frame_length, ...(exclude_influx && { exclude_influx }) }
}

/** A client that calls procedures over HTTP. */
export interface OcsVisitor {
  /** The same for all calls of one principal from one address. */
  readonly key: string
  /** `maya@10.0.0.7`. */
  readonly name: string
  /** Opens a connection to the hub, which admits it under the visitor's own identity. */
  connect(): Duplex
}

/** Answers procedure calls on behalf of their callers. */
export interface OcsCalls extends AsyncDisposable {
  /**
   * @param signal aborts when the caller no longer waits
   * @throws OpError when there is no such procedure, TransportError when its agent does not answer
   */
  answer(call: OcsCall, by: OcsVisitor, signal: AbortSignal): Promise<unknown>
}
