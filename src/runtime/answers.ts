import type { Caller, Level } from '../core/access.ts'
import { refuseAct } from '../core/access.ts'
import type { Agent, QuerySpec } from '../core/agent.ts'
import { checkParams } from '../core/arguments/check-params.ts'
import { builtIn, type HistoryAnswer } from '../core/built-in.ts'
import type { Reply, Request } from '../core/channels.ts'
import { OpError, TransportError } from '../core/errors.ts'
import { Action, type OpSession, type Refusal, ResponseCode } from '../core/ops.ts'
import { jsonWithNumbers } from '../core/wire.ts'
import type { AgentLock } from './agent-lock.ts'
import type { Operation } from './operation.ts'
import type { SessionStore } from './session-store.ts'

type Answer = Omit<Reply, 'id'>

/** The access level of every caller on a hub without users. */
const UNKNOWN_LEVEL: Level = 3

/** The parts of an agent that answers are made from. */
export interface AnswersHost {
  readonly agent: Agent
  readonly args: unknown
  readonly instance: string
  readonly operations: ReadonlyMap<string, Operation>
  readonly sessions: SessionStore
  readonly lock: AgentLock
  /** The instrument, or why there is none. */
  instrument(): { readonly instrument: object | undefined; readonly reason: string }
  /** The lock was granted or returned. */
  locked(text: string): void
}

/** Whether a request changes something, so that a repeated request must act only once. */
export function acts(what: { readonly action: string } | { readonly query: string }): boolean {
  if ('action' in what) return what.action !== 'wait' && what.action !== 'status'
  return Object.hasOwn(builtIn, what.query) && builtIn[what.query as keyof typeof builtIn].acts
}

/** Answers a request to an operation. */
export function answerRequest(
  host: AnswersHost,
  op: string,
  action: string,
  client: string,
  request: Request,
): Answer | Promise<Answer> {
  const operation = host.operations.get(op)
  if (!operation) {
    const has = [...host.operations.keys()].join(', ') || 'none'
    return refuse(`No operation "${op}" (${host.instance} has: ${has}).`, 'unknown')
  }
  const verb = Action.safeParse(action).data
  if (verb === undefined)
    return refuse(`No action "${action}" (there are: ${Action.options.join(', ')}).`, 'unknown')
  const caller = callerOf(client, request)
  if (acts({ action })) {
    const why = refuseAct({ name: op, min_privs: operation.spec.min_privs }, caller, host.lock.held)
    if (why !== undefined) return refuse(why.msg, why.kind)
  }
  return operation.act(verb, request, caller)
}

/** Answers a query: a built-in one, or one that the agent declares. */
export async function answerQuery(
  host: AnswersHost,
  query: string,
  client: string,
  request: Request,
): Promise<Answer> {
  const declared = host.agent.queries.get(query)
  const spec =
    declared ?? (Object.hasOwn(builtIn, query) ? builtIn[query as keyof typeof builtIn] : undefined)
  if (!spec) {
    return refuse(
      `No query "${query}" (${host.instance} has: ${Object.keys(queriesOf(host.agent)).join(', ')}).`,
      'unknown',
    )
  }
  const checked = checkParams(spec.params, request.params)
  if ('faults' in checked) return refuse(checked.faults.map(({ text }) => text).join('; '), 'params')
  try {
    const result = declared
      ? await declared.answer({
          params: checked.values,
          args: host.args as never,
          instrument: connected(host),
        })
      : answerBuiltIn(host, query as keyof typeof builtIn, checked.values, callerOf(client, request))
    return { status: ResponseCode.OK, msg: '', result: jsonWithNumbers(result) }
  } catch (error) {
    if (error instanceof OpError || error instanceof TransportError) return refuse(error.message)
    throw error
  }
}

/** All queries of an agent, the built-in ones first. */
export function queriesOf(agent: Agent): Record<string, QuerySpec> {
  return { ...builtIn, ...Object.fromEntries(agent.queries) }
}

function answerBuiltIn(
  host: AnswersHost,
  query: keyof typeof builtIn,
  params: Record<string, unknown>,
  caller: Caller,
): unknown {
  switch (query) {
    case 'history': {
      const { op, limit } = builtIn.history.params.parse(params)
      return history(host, op, limit)
    }
    case 'lock': {
      const { seconds, by } = builtIn.lock.params.parse(params)
      const lock = host.lock.lock(caller, seconds, by)
      host.locked(`locked by ${lock.by} (${lock.holder}) for ${seconds} s`)
      return lock
    }
    case 'unlock': {
      const { force } = builtIn.unlock.params.parse(params)
      host.lock.unlock(caller, force)
      host.locked(`unlocked by ${caller.by ?? caller.client}${force ? ', by force' : ''}`)
      return {}
    }
  }
}

/** The stored sessions, with running ones in their present state. */
function history(
  { operations, sessions, instance }: AnswersHost,
  op: string | undefined,
  limit: number,
): HistoryAnswer {
  if (op !== undefined && !operations.has(op)) {
    const has = [...operations.keys()].join(', ') || 'none'
    throw new OpError(`No operation "${op}" (${instance} has: ${has}).`)
  }
  const now = new Map<number, OpSession>()
  for (const { session } of operations.values()) if (session) now.set(session.session_id, session)
  return { sessions: sessions.list(op, limit).map((stored) => now.get(stored.session_id) ?? stored) }
}

function connected(host: AnswersHost): object {
  const { instrument, reason } = host.instrument()
  if (!instrument) throw new OpError(reason)
  return instrument
}

/** The caller: as stated by the hub, or by the client itself on a hub without users. */
function callerOf(client: string, { by, key, caller }: Request): Caller {
  if (!caller) return { client, level: UNKNOWN_LEVEL, by, key }
  const { principal, level, from } = caller
  // A bridge asks on behalf of others; its text about them is only a comment.
  const told = by === undefined || by === from ? from : `${from} (${by})`.slice(0, 200)
  return { client, level: level as Level, principal, by: told, key }
}

function refuse(msg: string, kind?: Refusal): Answer {
  return { status: ResponseCode.ERROR, msg, ...(kind && { kind }), session: {} }
}
