import { z } from 'zod'
import type { OpSession } from '../ops.ts'

/** The process of a recorder. */
export const RECORD = 'record'

const Count = z.int().min(0)

/** The data of a recorder's session; another version may tell less. */
export const RecordData = z.object({
  data_dir: z.string().default(''),
  /** Whether rows are being recorded; a recorder that is degraded may be. */
  recording: z.boolean().optional(),
  /** The newest file's path; null before there is one. */
  current_file: z.string().nullable().default(null),
  /** By feed address; names as in OCS, and the last seq taken (`seq`) and synced (`recorded`). */
  providers: z
    .record(
      z.string(),
      z.object({
        last_refresh: z.number(),
        sessid: z.string(),
        stale: z.boolean(),
        last_block_received: z.string(),
        seq: Count,
        recorded: Count,
      }),
    )
    .default({}),
  counters: z.record(z.string(), Count).default({}),
  /** Rows that agents hold and that are still to be fetched. */
  behind: Count,
  /** Instances that are not recorded, since the site file does not name them. */
  unknown: z.array(z.string()).default([]),
  /** What keeps rows from being recorded; null when nothing does. */
  problem: z.string().nullable(),
  /** Bytes that are free where it writes; null when nobody knows. */
  disk_free: z.number().nullable().default(null),
})
export type RecordData = z.output<typeof RecordData>

/** What a recorder tells of itself; undefined of another agent, and before it has begun. */
export function recordingOf(sessions: ReadonlyMap<string, OpSession> | undefined): RecordData | undefined {
  return RecordData.safeParse(sessions?.get(RECORD)?.data).data
}
