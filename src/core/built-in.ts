/** The queries that every agent answers besides its own, and their answers. */
import { z } from 'zod'
import { Lock } from './access.ts'
import { AuditEntry } from './channels.ts'
import { OpSession } from './ops.ts'

/** Sessions kept of each operation. */
export const KEPT_SESSIONS = 100
/** Longest duration of a lock, s; a client that needs it longer locks again. */
const LONGEST_LOCK = 86_400

const HistoryRequest = z.object({
  op: z.string().optional().describe('only this operation'),
  limit: z.int().min(1).max(10_000).default(20).describe('how many sessions, the newest first'),
})
const LockRequest = z.object({
  seconds: z
    .number()
    .positive()
    .max(LONGEST_LOCK)
    .default(600)
    .describe('how long it lasts unless it is renewed')
    .meta({ units: 's' }),
  by: z.string().min(1).max(200).optional().describe('who locks it, for others to read'),
})
const UnlockRequest = z.object({
  force: z.boolean().default(false).describe('even if another holds it; needs access level 3'),
})

/** The built-in queries; `acts`: it changes something, so a repeated request must act only once. */
export const builtIn = {
  history: {
    help: 'The latest sessions: who started them, from where, when, with which parameters, and how they ended.',
    params: HistoryRequest,
    acts: false,
  },
  lock: {
    help: 'Lets only the caller start, stop and abort operations for a while; the lock ends with the agent.',
    params: LockRequest,
    acts: true,
  },
  unlock: {
    help: 'Lets everyone start, stop and abort operations again.',
    params: UnlockRequest,
    acts: true,
  },
} as const

/** The answer to `history`, the newest session first. */
export const HistoryAnswer = z.object({ sessions: z.array(OpSession) })
export type HistoryAnswer = z.input<typeof HistoryAnswer>
/** The answer to `lock`, with the key that makes another client a holder as well. */
export const LockAnswer = Lock.extend({ key: z.string() })
export type LockAnswer = z.output<typeof LockAnswer>

/**
 * The query for the audit log, which the hub itself answers, to administrators only; and the most entries of
 * an answer.
 */
export const AUDIT_QUERY = 'audit'
export const MOST_AUDITED = 500
/** The answer to the audit query, newest entry last. */
export const AuditAnswer = z.object({ entries: z.array(AuditEntry) })
