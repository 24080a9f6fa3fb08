import { z } from 'zod'
import type { OpSession } from '../ops.ts'

/** The process of a recorder. */
export const RECORD = 'record'

const Count = z.int().min(0)

/** The data of a recorder's session; another version may report less. */
export const RecordData = z.object({
  data_dir: z.string().default(''),
  /** Whether rows are being recorded; this can be true of a degraded recorder. */
  recording: z.boolean().optional(),
  /** Path of the newest file; null before there is one. */
  current_file: z.string().nullable().default(null),
  /** By feed address; names as in OCS, plus the last seq taken (`seq`) and synced (`recorded`). */
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
  /** Rows that agents hold and the recorder still has to fetch. */
  behind: Count,
  /** Instances that are not recorded because the site file does not name them. */
  unknown: z.array(z.string()).default([]),
  /** Why rows are not being recorded; null if they are. */
  problem: z.string().nullable(),
  /** Free bytes where it writes; null if unknown. */
  disk_free: z.number().nullable().default(null),
})
export type RecordData = z.output<typeof RecordData>

/**
 * The recorder's data in an agent's sessions; undefined for another kind of agent, and before recording has
 * begun.
 */
export function recordingOf(sessions: ReadonlyMap<string, OpSession> | undefined): RecordData | undefined {
  return RecordData.safeParse(sessions?.get(RECORD)?.data).data
}
