import { z } from 'zod'
import { Label, UnixTime } from './names.ts'

/** OCS's op codes: the state of an operation as a number. */
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

/** OCS's response codes: the outcome of a request, not of the operation. */
export const ResponseCode = { OK: 0, ERROR: -1, TIMEOUT: 1 } as const

/** The actions that a request can name. */
export const Action = z.enum(['start', 'wait', 'stop', 'abort', 'status'])
export type Action = z.output<typeof Action>

/** The state of an operation, for people: its latest session's status, or how that session ended. */
export const OpState = z.enum(['starting', 'running', 'degraded', 'stopping', 'idle', 'failed'])
export type OpState = z.output<typeof OpState>

/** The most transitions kept in a session; older ones are only counted. */
const MOST_TRANSITIONS = 100
/**
 * When an operation entered a state (unix s), the state, and why, if a reason was given; for `stopping` who
 * asked for it.
 */
export const Transition = z.tuple([UnixTime, OpState, z.string()])
export type Transition = z.output<typeof Transition>

/** One run of an operation, with OCS's names. Times in unix s. */
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
  /** The kind of each message, in the same order: a change of status, or a message of the operation. */
  message_kinds: z.array(z.enum(['status', 'said'])).optional(),
  /** Its states, oldest first. Absent if the agent does not report them. */
  transitions: z.array(Transition).max(MOST_TRANSITIONS).optional(),
  /** Number of older transitions left out. */
  transitions_dropped: z.int().min(0).optional(),
  /** The client that started it; `startup` if the agent did. */
  started_by: Label,
  /**
   * Name and place of that client, `maya@grumpy`: the hub's statement, with the client's own in brackets; on
   * a hub without users only the client's own.
   */
  started_from: Label.optional(),
  /** The caller's access level: 0 blocked, 1 basic, 2 advanced, 3 full, 4 the agent itself. */
  cred_level: z.int().min(0).max(4).optional(),
  /** Its parameters, defaults filled in. */
  params: z.record(z.string(), z.unknown()).optional(),
})
export type OpSession = z.output<typeof OpSession>

/**
 * Why a request was refused, for programs: the operation is already running, there is nothing to stop, the
 * agent is locked, the caller's level is too low, parameters are invalid, or there is no such operation,
 * action or query.
 */
export const Refusal = z.enum(['running', 'idle', 'locked', 'level', 'params', 'unknown'])
export type Refusal = z.output<typeof Refusal>

/** The outcome of a request; `session` is empty if there is none. */
export interface Outcome {
  readonly status: 0 | -1 | 1
  readonly msg: string
  readonly kind?: Refusal
  readonly session: OpSession | Record<string, never>
}

/** The state of an operation according to its latest session: `idle` after success, or without a session. */
export function stateOf(session: Pick<OpSession, 'status' | 'degraded' | 'success'> | undefined): OpState {
  if (!session) return 'idle'
  const { status, degraded, success } = session
  if (status === 'done') return success ? 'idle' : 'failed'
  return status === 'running' && degraded ? 'degraded' : status
}

/**
 * A session's explanation of its state: why it is degraded or has failed, otherwise its latest message; '' if
 * there is none. For a running or degraded session, messages from before that state do not count.
 */
export function toldOf(session: Partial<OpSession> | undefined): string {
  const [begun = 0, state, why = ''] = session?.transitions?.at(-1) ?? []
  if ((state === 'degraded' || state === 'failed') && why !== '') return why
  const since = state === 'running' || state === 'degraded' ? begun : 0
  return saidBy(session).findLast(([time]) => time >= since)?.[1] ?? ''
}

/** Adds a transition to a session; above the limit the oldest is dropped and counted. */
export function addTransition(session: OpSession, transition: Transition): void {
  session.transitions ??= []
  session.transitions.push(transition)
  if (session.transitions.length <= MOST_TRANSITIONS) return
  session.transitions.shift()
  session.transitions_dropped = (session.transitions_dropped ?? 0) + 1
}

/** The messages that the operation itself added to a session, oldest first. */
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
