import { backoff } from '../core/backoff.ts'
import { TransportError } from '../core/errors.ts'
import { pause } from '../core/pause.ts'
import type { Archive } from '../storage/archive/archive.ts'
import type { Database } from './database.ts'
import type { Protocol } from './line-protocol.ts'
import { recordedFeeds, recordedPoints } from './recorded-feeds.ts'

/** Points per request. */
const BATCH = 10_000
/**
 * How often a request with a temporary failure is tried, and milliseconds before the next try: more with each
 * time.
 */
const TRIES = 5
const FIRST_MS = 500
const LONGEST_MS = 8000

/** The result. */
export interface Backfilled {
  readonly points: number
  readonly refused: number
  /** Why the first of them were refused. */
  readonly why: string | undefined
}

/**
 * Writes what is recorded between two times (unix s) into a database. Repeating it does no harm: a point
 * replaces the one with the same time and tags.
 * @throws TransportError if the database cannot be reached
 */
export async function backfill(
  archive: Archive,
  database: Database,
  span: readonly [number, number],
  protocol: Protocol,
  signal: AbortSignal,
  progress: (done: number, feeds: number, points: number) => void,
): Promise<Backfilled> {
  let [points, refused] = [0, 0]
  let why: string | undefined
  const feeds = recordedFeeds(archive, ...span)
  for (const [at, feed] of feeds.entries())
    for await (const some of recordedPoints(archive, feed, span, protocol))
      for (let i = 0; i < some.length && !signal.aborted; i += BATCH) {
        const batch = some.slice(i, i + BATCH)
        const left = await patiently(database, batch, signal)
        points += batch.length - (left?.points ?? 0)
        refused += left?.points ?? 0
        why ??= left?.why
        progress(at, feeds.length, points)
      }
  return { points, refused, why }
}

async function patiently(database: Database, points: readonly string[], signal: AbortSignal) {
  for (let failed = 0; ; failed++)
    try {
      return await database.write(points, signal)
    } catch (error) {
      if (!(error instanceof TransportError) || failed + 1 >= TRIES || signal.aborted) throw error
      await pause(backoff(failed, FIRST_MS, LONGEST_MS), signal)
    }
}
