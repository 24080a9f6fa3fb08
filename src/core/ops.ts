import { z } from 'zod'
import { Label, UnixTime } from './names.ts'

/** OCS's op codes: what an operation is doing, as one number. */
export const OpCode = {
  NONE: 1,
  STARTING: 2,
  RUNNING: 3,
  STOPPING: 4,
  SUCCEEDED: 5,
  FAILED: 6,
  EXPIRED: 7,
  DEGRADED: 8,
} as const
export type OpCode = (typeof OpCode)[keyof typeof OpCode]

/** OCS's response codes: how a request went, not the operation. */
export const ResponseCode = { OK: 0, ERROR: -1, TIMEOUT: 1 } as const

/** What can be asked of an operation. */
export const Action = z.enum(['start', 'wait', 'stop', 'abort', 'status'])
export type Action = z.output<typeof Action>

/** One run of an operation, with OCS's names. Times in unix seconds. */
export const OpSession = z.object({
  session_id: z.int(),
  op_name: Label,
  op_code: z.int().min(1).max(8),
  status: z.enum(['starting', 'running', 'stopping', 'done']),
  degraded: z.boolean(),
  success: z.boolean().nullable(),
  start_time: UnixTime,
  end_time: UnixTime.nullable(),
  data: z.unknown(),
  messages: z.array(z.tuple([UnixTime, z.string()])),
  /** Client that started it; `startup` when the agent did. */
  started_by: Label,
  /** Who and where that was as the caller says, `maya@grumpy`; for people, no proof. */
  started_from: Label.optional(),
  /** The caller's access level: 0 blocked, 1 basic, 2 advanced, 3 full, 4 the agent itself. */
  cred_level: z.int().min(0).max(4).optional(),
  /** What it was started with, defaults filled in. */
  params: z.record(z.string(), z.unknown()).optional(),
})
export type OpSession = z.output<typeof OpSession>

/** What a request came to; `session` is empty where there is none. */
export interface Outcome {
  readonly status: 0 | -1 | 1
  readonly msg: string
  readonly session: OpSession | Record<string, never>
}

/** The op code of a session. */
export function opCodeOf(session: Pick<OpSession, 'status' | 'degraded' | 'success'> | undefined): OpCode {
  if (!session) return OpCode.NONE
  switch (session.status) {
    case 'starting':
      return OpCode.STARTING
    case 'running':
      return session.degraded ? OpCode.DEGRADED : OpCode.RUNNING
    case 'stopping':
      return OpCode.STOPPING
    case 'done':
      return session.success ? OpCode.SUCCEEDED : OpCode.FAILED
  }
}
