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

/** What an operation is doing, for people: its latest session's status, or how that ended. */
export const OpState = z.enum(['starting', 'running', 'degraded', 'stopping', 'idle', 'failed'])
export type OpState = z.output<typeof OpState>

/** Transitions that a session carries; older ones are counted. */
const MOST_TRANSITIONS = 100
/** From when on (unix s) an operation was in a state, and why, where that was said; of `stopping` who asked for it. */
export const Transition = z.tuple([UnixTime, OpState, z.string()])
export type Transition = z.output<typeof Transition>

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
  /** What each message is, in the same order: that the status has changed, or what the operation said. */
  message_kinds: z.array(z.enum(['status', 'said'])).optional(),
  /** Its states, the oldest first. An agent that does not tell them leaves them out. */
  transitions: z.array(Transition).max(MOST_TRANSITIONS).optional(),
  /** Older transitions that are left out. */
  transitions_dropped: z.int().min(0).optional(),
  /** Client that started it; `startup` when the agent did. */
  started_by: Label,
  /** Who and where that was, `maya@grumpy`: the hub's word, what the client says besides in brackets; without users all is what it says. */
  started_from: Label.optional(),
  /** The caller's access level: 0 blocked, 1 basic, 2 advanced, 3 full, 4 the agent itself. */
  cred_level: z.int().min(0).max(4).optional(),
  /** What it was started with, defaults filled in. */
  params: z.record(z.string(), z.unknown()).optional(),
})
export type OpSession = z.output<typeof OpSession>

/**
 * Why a request was refused, for programs: it runs already, there is nothing to end, the agent is locked, the caller's level
 * does not do, parameters do not fit, there is no such operation, action or query.
 */
export const Refusal = z.enum(['running', 'idle', 'locked', 'level', 'params', 'unknown'])
export type Refusal = z.output<typeof Refusal>

/** What a request came to; `session` is empty where there is none. */
export interface Outcome {
  readonly status: 0 | -1 | 1
  readonly msg: string
  readonly kind?: Refusal
  readonly session: OpSession | Record<string, never>
}

/** What an operation is doing, by its latest session: `idle` after success, or where there is none. */
export function stateOf(session: Pick<OpSession, 'status' | 'degraded' | 'success'> | undefined): OpState {
  if (!session) return 'idle'
  const { status, degraded, success } = session
  if (status === 'done') return success ? 'idle' : 'failed'
  return status === 'running' && degraded ? 'degraded' : status
}

/**
 * What a session says of its state: why it is degraded or has failed, otherwise what was said last; '' for nothing. Of one
 * that runs or is degraded, what was said before it was so is over.
 */
export function toldOf(session: Partial<OpSession> | undefined): string {
  const [begun = 0, state, why = ''] = session?.transitions?.at(-1) ?? []
  if ((state === 'degraded' || state === 'failed') && why !== '') return why
  const since = state === 'running' || state === 'degraded' ? begun : 0
  return saidBy(session).findLast(([time]) => time >= since)?.[1] ?? ''
}

/** Adds a transition to a session; one too many takes the place of the oldest, which is counted. */
export function addTransition(session: OpSession, transition: Transition): void {
  session.transitions ??= []
  session.transitions.push(transition)
  if (session.transitions.length <= MOST_TRANSITIONS) return
  session.transitions.shift()
  session.transitions_dropped = (session.transitions_dropped ?? 0) + 1
}

/** The messages of a session that its operation said itself, the oldest first. */
export function saidBy({
  messages = [],
  message_kinds = [],
}: Partial<OpSession> = {}): OpSession['messages'] {
  return messages.filter((_, i) => message_kinds[i] !== 'status')
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
