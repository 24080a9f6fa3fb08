import { z } from 'zod'
import { checkParams } from '../core/arguments/check-params.ts'
import type { AgentApi } from '../core/channels.ts'
import { messageOf, OpError, UsageError } from '../core/errors.ts'
import type { Outcome } from '../core/ops.ts'
import { type Action, type OpSession, ResponseCode, toldOf } from '../core/ops.ts'
import { pause } from '../core/pause.ts'
import { awaitChange, type Line } from './await-change.ts'
import type { Caller } from './request-client.ts'
import { restoreData } from './restore.ts'

/** A session as a client reads it: its data with their type, and numbers as they were. */
export type Session<D = unknown> = Omit<OpSession, 'data'> & { readonly data: D }
/** Parameters may be left out altogether where none is required. */
type Given<P> = Record<never, never> extends P ? [params?: P] : [params: P]

/** One operation of a running agent. `P`: its parameters, `D`: the data of its sessions. */
export interface Operation<P = Readonly<Record<string, unknown>>, D = unknown> {
  /**
   * Runs a task: starts it and waits for its end. When the client's signal aborts meanwhile, the task is aborted too.
   * @throws UsageError for parameters that do not fit, and for a process; OpError, with the session, when it fails
   */
  (...given: Given<P>): Promise<Session<D>>
  /** Starts it. @throws UsageError for parameters that do not fit; OpError when it cannot start, as when it runs already */
  start(...given: Given<P>): Promise<Session<D>>
  /**
   * Waits for the end of the session that is under way.
   * @param timeout seconds to wait at most; without limit by default
   * @returns the session; undefined when it never ran
   * @throws OpError when the session failed, TimeoutError when it still runs
   */
  wait(timeout?: number): Promise<Session<D> | undefined>
  /** Its latest session; undefined when it never ran. */
  status(): Promise<Session<D> | undefined>
  /** Asks a process to stop; fine when it does not run. Wait for its end with `wait`. */
  stop(): Promise<Session<D> | undefined>
  /** Asks a task to abort; fine when it does not run. Wait for its end with `wait`. */
  abort(): Promise<Session<D> | undefined>
}

/** Where an operation is, and how it is asked. */
export interface Remote {
  readonly line: Line
  readonly ask: Caller
  readonly instance: string
  /** Ends what is waited for. */
  readonly signal?: AbortSignal | undefined
  /** Seconds for which what fails is tried again; 0: not at all. */
  readonly insist: number
  log(text: string): void
}

/** Seconds an agent has to answer, at most. */
const ANSWER_SECONDS = 5
/** Seconds a task that is aborted with its caller has to end. */
const ABORT_SECONDS = 5
/** Milliseconds before what failed is tried again. */
const AGAIN_MS = 500

/** An operation as its agent's `api` describes it. */
export function remoteOperation(name: string, info: AgentApi['ops'][string], remote: Remote): Operation {
  const { line, ask, instance, signal } = remote
  const title = `${instance} ${name}`

  const request = async (action: Action, params = {}): Promise<Outcome> => {
    signal?.throwIfAborted()
    return ask.request(instance, name, action, params, Math.min(ANSWER_SECONDS, line.patience))
  }
  const start = async (params: Readonly<Record<string, unknown>> = {}): Promise<Session> => {
    checkGiven(title, info.params, params)
    const { status, msg, session } = await request('start', params)
    if (status === ResponseCode.OK && isSession(session)) return restored(session)
    throw new OpError(`${title}: ${msg}`, { session: isSession(session) ? session : undefined })
  }
  const status = async (): Promise<Session | undefined> => {
    const { session } = await request('status')
    return isSession(session) ? restored(session) : undefined
  }
  const ended = (session: Session, stop = signal, timeout?: number): Promise<Session> => {
    const process = line.view.instances.get(instance)?.presence?.session
    const find = () => endOf(line, { instance, name, title, process }, session)
    return awaitChange(line, instance, find, { signal: stop, timeout, what: title })
  }
  const end = async (verb: 'stop' | 'abort'): Promise<Session | undefined> => {
    const right = info.kind === 'process' ? 'stop' : 'abort'
    if (verb !== right) throw new UsageError(`${title} is a ${info.kind}: use ${right}(), not ${verb}()`)
    const outcome = await request(verb)
    if (outcome.status === ResponseCode.OK && isSession(outcome.session)) return restored(outcome.session)
    const now = await status()
    if (now && (now.status === 'starting' || now.status === 'running'))
      throw new OpError(`${title}: ${outcome.msg}`)
    return now
  }
  const call = async (params?: Readonly<Record<string, unknown>>): Promise<Session> => {
    if (info.kind === 'process')
      throw new UsageError(`${title} is a process, which runs until it is stopped: use start(), stop()`)
    const session = await start(params)
    try {
      return await ended(session)
    } catch (error) {
      if (signal?.aborted) {
        const aborted = ask
          .request(instance, name, 'abort')
          .then(() => ended(session, undefined, ABORT_SECONDS))
        // However it ends, the caller hears why it was interrupted.
        await aborted.catch(() => {})
      }
      throw error
    }
  }
  const wait = async (timeout?: number): Promise<Session | undefined> => {
    const now = await status()
    return now && ended(now, signal, timeout)
  }

  const trying =
    <A extends unknown[], T>(what: (...args: A) => Promise<T>) =>
    (...args: A) =>
      insist(() => what(...args), title, remote)
  return Object.assign(trying(call), {
    start: trying(start),
    wait: trying(wait),
    status: trying(status),
    stop: trying(() => end('stop')),
    abort: trying(() => end('abort')),
  })
}

/** The session once it is over. @throws OpError when it failed or nobody can know any more */
function endOf(
  { view }: Line,
  of: { instance: string; name: string; title: string; process: string | undefined },
  { session_id, start_time }: Session,
): Session | undefined {
  const there = view.instances.get(of.instance)
  const seen = there?.sessions.get(of.name)
  const same = seen?.session_id === session_id && seen.start_time === start_time
  if (!same || seen.status !== 'done') {
    const lost = (why: string) => new OpError(`${of.title}: ${why}; how it ended is unknown`)
    if (there?.presence?.session !== of.process) throw lost('the agent was restarted meanwhile')
    if (seen && seen.session_id > session_id) throw lost(`${seen.started_by} started it again meanwhile`)
    return undefined
  }
  if (seen.success) return restored(seen)
  const told = toldOf(seen)
  throw new OpError(`${of.title} failed${told && `: ${told}`}`, { session: seen })
}

/** Checks parameters by what the agent publishes of them; what cannot be checked here, the agent checks. */
function checkGiven(
  title: string,
  schema: Readonly<Record<string, unknown>>,
  given: Readonly<Record<string, unknown>>,
): void {
  let known: z.ZodType | undefined
  try {
    known = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0])
  } catch {
    return
  }
  if (!(known instanceof z.ZodObject)) return
  const defined = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  // Zod takes a schema that says nothing of other names for one that takes them.
  const checked = checkParams('additionalProperties' in schema ? known : known.strict(), defined)
  if ('faults' in checked)
    throw new UsageError(`${title}: ${checked.faults.map(({ text }) => text).join('; ')}`)
}

/** Does something, again and again where it fails and the remote insists. What was meant wrongly fails at once. */
async function insist<T>(what: () => Promise<T>, title: string, remote: Remote): Promise<T> {
  const deadline = performance.now() + 1000 * remote.insist
  let told = ''
  for (;;) {
    try {
      return await what()
    } catch (error) {
      const { closed } = remote.line
      if (error instanceof UsageError || closed.aborted || performance.now() >= deadline) throw error
      const text = messageOf(error)
      if (text !== told) remote.log(`${title} is tried again: ${text}`)
      told = text
      await pause(AGAIN_MS, closed)
    }
  }
}

function isSession(session: Outcome['session']): session is OpSession {
  return 'session_id' in session
}

function restored(session: OpSession): Session {
  return { ...session, data: restoreData(session.data) }
}
