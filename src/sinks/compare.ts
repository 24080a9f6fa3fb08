import type { Archive } from '../storage/archive/archive.ts'
import { countsOf } from './influx-counts.ts'
import type { InfluxDatabase } from './influx-v1.ts'
import { expectedOf, recordedFeeds } from './recorded-feeds.ts'

/** The number of a field's recorded values that a database can hold, and of those that it has. */
export interface ComparedField {
  /** `ls240.temperatures.Channel_1_T`. */
  readonly field: string
  readonly expected: number
  readonly held: number
}

/** The last time that a database can hold, unix s. */
export const LAST = 9e9

/**
 * Compares what is recorded from a time on (unix s) with the content of a database between the same times,
 * field by field.
 * @throws TransportError if the database does not answer
 */
export async function compareWith(
  database: Pick<InfluxDatabase, 'ask'>,
  archive: Archive,
  from: number,
  signal: AbortSignal,
): Promise<ComparedField[]> {
  const compared: ComparedField[] = []
  for (const feed of recordedFeeds(archive, from, LAST)) {
    const expected = await expectedOf(archive, feed, [from, LAST])
    const held = await countsOf(database, expected, signal)
    for (const [i, { label, count }] of expected.entries())
      compared.push({ field: label, expected: count, held: held[i] ?? 0 })
  }
  return compared
}
