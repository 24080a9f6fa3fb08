import type { Caller } from '../core/access.ts'
import type { OpSpec, SessionHandle } from '../core/agent.ts'
import { checkParams } from '../core/arguments/check-params.ts'
import type { Request } from '../core/channels.ts'
import { messageOf, OpError, TransportError } from '../core/errors.ts'
import { type Action, type OpSession, type Outcome, type Refusal, ResponseCode } from '../core/ops.ts'
import { AGENT_STOPS } from '../core/pause.ts'
import { withoutSecrets } from '../core/redact.ts'
import { jsonWithNumbers } from '../core/wire.ts'
import { LiveSession, type SessionChange } from './live-session.ts'

/** Milliseconds after a request to stop before the session says that it is still stopping. */
const STILL_STOPPING_MS = 10_000
/** The longest delay of a timer, ms; about 24 days. */
const LONGEST_MS = 2 ** 31 - 1

/** What an operation needs of its agent. */
export interface OperationHost {
  nextSessionId(): number
  /** Runs the declared function to its end; rejects when it fails. */
  run(params: unknown, session: SessionHandle<unknown>, signal: AbortSignal): Promise<unknown>
  changed(session: OpSession, change: SessionChange): void
  log(text: string): void
  /** Reports an unforeseen error, with its stack. */
  bug(error: unknown): void
}

/** One operation of an agent and its latest session: OCS's start, wait, stop, abort and status. */
export class Operation {
  readonly name: string
  readonly spec: OpSpec
  readonly #host: OperationHost
  /** The latest session of an earlier process, until this process has one. */
  readonly #earlier: OpSession | undefined
  #live: LiveSession | undefined
  #abort = new AbortController()
  #slow: Timer | undefined
  /** Callbacks for the end of the session. */
  readonly #waiting = new Set<() => void>()

  constructor(name: string, spec: OpSpec, host: OperationHost, earlier?: OpSession) {
    this.name = name
    this.spec = spec
    this.#host = host
    this.#earlier = earlier
  }

  get session(): OpSession | undefined {
    return this.#live?.doc ?? this.#earlier
  }

  get active(): boolean {
    return this.#live?.active ?? false
  }

  /** Carries out a request. */
  act(
    action: Action,
    request: Pick<Request, 'params' | 'timeout' | 'wait'>,
    caller: Caller,
  ): Outcome | Promise<Outcome> {
    const { params, timeout, wait = timeout } = request
    switch (action) {
      case 'start':
        return this.start(params, caller)
      case 'wait':
        return this.wait(wait ?? undefined)
      case 'stop':
      case 'abort':
        return this.end(action, { by: caller.by ?? caller.client })
      case 'status':
        return this.status()
    }
  }

  /** Starts it, unless it is already running or a parameter is invalid. */
  start(params: Readonly<Record<string, unknown>>, { client, by, level }: Omit<Caller, 'key'>): Outcome {
    if (this.active)
      return this.#outcome(ResponseCode.ERROR, `Operation "${this.name}" already in progress.`, 'running')
    const checked = checkParams(this.spec.params, params)
    if ('faults' in checked) return refusal(checked.faults.map(({ text }) => text).join('; '), 'params')
    const about = {
      session_id: this.#host.nextSessionId(),
      op_name: this.name,
      started_by: client,
      ...(by !== undefined && { started_from: by }),
      cred_level: level,
      params: withoutSecrets(sendable(checked.values)),
    }
    this.#live = new LiveSession(about, this.#host)
    this.#abort = new AbortController()
    void this.#run(this.#live, checked.values, this.#abort.signal)
    return this.#outcome(ResponseCode.OK, `Started ${this.spec.kind} "${this.name}".`)
  }

  /** Waits for its end, at most `timeout` seconds (0 or less: not at all; undefined: without limit). */
  async wait(timeout: number | undefined): Promise<Outcome> {
    if (!this.session) return { status: ResponseCode.OK, msg: 'Idle.', session: {} }
    if (this.active && (timeout === undefined || timeout > 0)) {
      await this.#ended(timeout === undefined ? undefined : timeout * 1000)
    }
    const { status, success } = this.session
    if (status !== 'done') {
      const still = status === 'stopping' ? status : 'running'
      return this.#outcome(
        ResponseCode.TIMEOUT,
        `Operation "${this.name}" is still ${still}; wait timed out.`,
      )
    }
    const how = success ? 'SUCCEEDED' : 'FAILED'
    return this.#outcome(ResponseCode.OK, `Operation "${this.name}" is currently not running (${how}).`)
  }

  /**
   * Asks it to end: `stop` is for processes, `abort` for tasks.
   * @param by who asks; recorded in its transition to `stopping`
   * @param why the reason of its abort signal
   */
  end(verb: 'stop' | 'abort', { by, why }: { readonly by: string; readonly why?: unknown }): Outcome {
    const { kind } = this.spec
    const right = kind === 'process' ? 'stop' : 'abort'
    if (verb !== right)
      return refusal(`Cannot ${verb} "${this.name}": it is a ${kind}; use ${right}.`, 'unknown')
    if (!this.session) return refusal('No session active.', 'idle')
    const { status } = this.session
    if (!this.#live || status === 'stopping' || status === 'done') {
      return this.#outcome(ResponseCode.ERROR, `The operation is already ${status}.`, 'idle')
    }
    const live = this.#live
    live.advance('stopping', by)
    this.#slow = setTimeout(() => {
      live.say(`Still stopping after ${STILL_STOPPING_MS / 1000} s: it has not reacted to the signal.`)
    }, STILL_STOPPING_MS)
    this.#abort.abort(why)
    return this.#outcome(ResponseCode.OK, `Requested ${verb} on ${kind} "${this.name}".`)
  }

  status(): Outcome {
    return this.session
      ? this.#outcome(ResponseCode.OK, 'Session active.')
      : { status: ResponseCode.OK, msg: 'No session active.', session: {} }
  }

  /** Ends it when the agent stops; a run that ignores its signal for `patience` ms is left running. */
  async shutdown(patience: number): Promise<void> {
    const live = this.#live
    if (!live?.active) return
    this.end(this.spec.kind === 'process' ? 'stop' : 'abort', {
      by: 'the agent’s end',
      why: AGENT_STOPS,
    })
    if (await this.#ended(patience)) return
    live.say(
      `The agent stops without waiting for it: it did not end within ${patience / 1000} s of the signal.`,
    )
    this.#finish(live, false)
  }

  async #run(live: LiveSession, params: unknown, signal: AbortSignal): Promise<void> {
    // The caller's answer goes out before any message of the operation.
    await Promise.resolve()
    live.advance('running')
    const process = this.spec.kind === 'process'
    try {
      const said = signal.aborted ? undefined : await this.#host.run(params, live.handle(), signal)
      this.#closing(live, said)
      if (signal.aborted && !process) live.say('Aborted.')
      this.#finish(live, process || !signal.aborted)
    } catch (error) {
      this.#finish(live, this.#failed(live, error, signal) && process)
    }
  }

  /** Reports why a run ended with an error; true if the error is a normal end after a stop. */
  #failed(live: LiveSession, error: unknown, signal: AbortSignal): boolean {
    const known = error instanceof OpError || error instanceof TransportError
    if (signal.aborted && (isAbort(error, signal) || error instanceof TransportError)) {
      if (this.spec.kind === 'task') live.say('Aborted.')
      return true
    }
    if (!known) this.#host.bug(error)
    live.say(messageOf(error))
    return false
  }

  /** An operation may return its closing message, or any JSON. */
  #closing(live: LiveSession, said: unknown): void {
    if (said === undefined || said === null || said === '') return
    try {
      live.say(typeof said === 'string' ? said : JSON.stringify(jsonWithNumbers(said)))
    } catch (error) {
      live.say(`What it returned is left out: ${messageOf(error)}.`)
    }
  }

  #finish(live: LiveSession, success: boolean): void {
    live.finish(success)
    if (live !== this.#live) return
    clearTimeout(this.#slow)
    for (const wake of [...this.#waiting]) wake()
  }

  /** Resolves to true once the session has ended, or to false after `ms`. */
  #ended(ms: number | undefined): Promise<boolean> {
    if (!this.active) return Promise.resolve(true)
    return new Promise((resolve) => {
      const timer = ms === undefined ? undefined : setTimeout(() => done(false), Math.min(ms, LONGEST_MS))
      const done = (ended: boolean) => {
        clearTimeout(timer)
        this.#waiting.delete(wake)
        resolve(ended)
      }
      const wake = () => done(true)
      this.#waiting.add(wake)
    })
  }

  #outcome(status: 0 | -1 | 1, msg: string, kind?: Refusal): Outcome {
    return { status, msg, ...(kind && { kind }), session: this.session ?? {} }
  }
}

function refusal(msg: string, kind: Refusal): Outcome {
  return { status: ResponseCode.ERROR, msg, kind, session: {} }
}

/** Parameters as shown in the session; a value without a JSON form is left out. */
function sendable(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => {
      try {
        return [[name, jsonWithNumbers(value)]]
      } catch {
        return []
      }
    }),
  )
}

/** Whether an error comes from a cancelled wait. */
function isAbort(error: unknown, signal: AbortSignal): boolean {
  return error === signal.reason || (error instanceof Error && error.name === 'AbortError')
}
