import type { OpSpec, SessionHandle } from '../core/agent.ts'
import type { Request } from '../core/channels.ts'
import { ConfigError, messageOf, OpError, TransportError, UsageError } from '../core/errors.ts'
import { type Action, type OpSession, opCodeOf, ResponseCode } from '../core/ops.ts'
import { checkParams } from '../core/params.ts'
import { jsonWithNumbers } from '../core/wire.ts'

/** Messages a session keeps; older ones go, as in OCS. */
const MESSAGES = 100
/** What an operation may throw: it fails with the message. Anything else is a bug, logged with its stack. */
const expected = [OpError, TransportError, ConfigError, UsageError]

/** What a request came to; `session` is empty where there is none. */
export interface Outcome {
  readonly status: 0 | -1 | 1
  readonly msg: string
  readonly session: OpSession | Record<string, never>
}
type Status = OpSession['status']

/** What an operation needs of its agent. */
export interface OperationHost {
  nextSessionId(): number
  /** Runs the declared function until it is over; rejects when it fails. */
  run(params: unknown, session: SessionHandle<unknown>, signal: AbortSignal): Promise<unknown>
  /** The session changed: its status or degraded (`now`), or only its data and messages. */
  changed(session: OpSession, now: boolean): void
  log(text: string): void
  /** Something nobody foresaw, with its stack. */
  bug(error: unknown): void
}

/** One operation of an agent and its latest session: OCS's start, wait, stop, abort and status. */
export class Operation {
  readonly name: string
  readonly spec: OpSpec
  readonly #host: OperationHost
  #session: OpSession | undefined
  #abort = new AbortController()
  #over: Promise<void> = Promise.resolve()

  constructor(name: string, spec: OpSpec, host: OperationHost) {
    this.name = name
    this.spec = spec
    this.#host = host
  }

  get session(): OpSession | undefined {
    return this.#session
  }

  /** Does what a request asks. */
  act(
    action: Action,
    { params, timeout }: Pick<Request, 'params' | 'timeout'>,
    client: string,
  ): Outcome | Promise<Outcome> {
    switch (action) {
      case 'start':
        return this.start(params, client)
      case 'wait':
        return this.wait(timeout)
      case 'stop':
      case 'abort':
        return this.end(action)
      case 'status':
        return this.status()
    }
  }

  /** Starts it, unless it is under way or a parameter does not fit. */
  start(params: Readonly<Record<string, unknown>>, startedBy: string): Outcome {
    if (this.#active())
      return this.#outcome(ResponseCode.ERROR, `Operation "${this.name}" already in progress.`)
    const checked = checkParams(this.spec.params, params)
    if ('faults' in checked) {
      const msg = checked.faults.map(({ text }) => text).join('; ')
      return { status: ResponseCode.ERROR, msg, session: {} }
    }
    this.#session = {
      session_id: this.#host.nextSessionId(),
      op_name: this.name,
      op_code: opCodeOf(undefined),
      status: 'starting',
      degraded: false,
      success: null,
      start_time: Date.now() / 1000,
      end_time: null,
      data: {},
      messages: [],
      started_by: startedBy,
    }
    this.#abort = new AbortController()
    this.#set('starting')
    this.#over = this.#run(checked.values, this.#abort.signal)
    return this.#outcome(ResponseCode.OK, `Started ${this.spec.kind} "${this.name}".`)
  }

  /** Waits for its end, `timeout` seconds at most (undefined: as long as it takes). */
  async wait(timeout: number | undefined): Promise<Outcome> {
    if (!this.#session) return { status: ResponseCode.OK, msg: 'Idle.', session: {} }
    if (this.#active()) {
      const late = Promise.withResolvers<void>()
      const timer = timeout === undefined ? undefined : setTimeout(late.resolve, Math.max(0, timeout) * 1000)
      await Promise.race([this.#over, late.promise])
      clearTimeout(timer)
    }
    if (this.#active()) {
      return this.#outcome(ResponseCode.TIMEOUT, `Operation "${this.name}" is still running; wait timed out.`)
    }
    const how = this.#session.success ? 'SUCCEEDED' : 'FAILED'
    return this.#outcome(ResponseCode.OK, `Operation "${this.name}" is currently not running (${how}).`)
  }

  /** Asks it to end: `stop` is for processes, `abort` for tasks. */
  end(verb: 'stop' | 'abort'): Outcome {
    const right = this.spec.kind === 'process' ? 'stop' : 'abort'
    if (verb !== right) {
      const msg = `Cannot ${verb} "${this.name}": it is a ${this.spec.kind}; use ${right}.`
      return { status: ResponseCode.ERROR, msg, session: {} }
    }
    if (!this.#session) return { status: ResponseCode.ERROR, msg: 'No session active.', session: {} }
    const { status } = this.#session
    if (status === 'stopping' || status === 'done') {
      return this.#outcome(ResponseCode.ERROR, `The operation is already ${status}.`)
    }
    this.#set('stopping')
    this.#abort.abort()
    return this.#outcome(ResponseCode.OK, `Requested ${verb} on ${this.spec.kind} "${this.name}".`)
  }

  status(): Outcome {
    return this.#session
      ? this.#outcome(ResponseCode.OK, 'Session active.')
      : { status: ResponseCode.OK, msg: 'No session active.', session: {} }
  }

  /** Ends it, when the agent stops, and waits until it has. */
  async shutdown(): Promise<void> {
    if (this.#active()) this.end(this.spec.kind === 'process' ? 'stop' : 'abort')
    await this.#over
  }

  async #run(params: unknown, signal: AbortSignal): Promise<void> {
    // The caller's answer goes out before anything the operation says.
    await Promise.resolve()
    if (!signal.aborted) this.#set('running')
    try {
      const said = await this.#host.run(params, this.#handle(), signal)
      if (typeof said === 'string' && said !== '') this.#message(said)
      this.#finish(this.spec.kind === 'process' || !signal.aborted)
    } catch (error) {
      if (signal.aborted && this.spec.kind === 'process') {
        this.#finish(true)
        return
      }
      if (!(signal.aborted || expected.some((kind) => error instanceof kind))) this.#host.bug(error)
      this.#message(signal.aborted ? 'Aborted.' : messageOf(error))
      this.#finish(false)
    }
  }

  #handle(): SessionHandle<unknown> {
    const session = () => this.#session as OpSession
    const changed: OperationHost['changed'] = (doc, now) => this.#host.changed(doc, now)
    return {
      get data() {
        return session().data
      },
      set: (data) => {
        session().data = jsonWithNumbers(data)
        changed(session(), false)
      },
      get degraded() {
        return session().degraded
      },
      set degraded(now) {
        if (session().degraded === now) return
        session().degraded = now
        session().op_code = opCodeOf(session())
        changed(session(), true)
      },
      log: (text) => this.#message(text),
    }
  }

  #message(text: string): void {
    const { messages } = this.#session as OpSession
    messages.push([Date.now() / 1000, text])
    if (messages.length > MESSAGES) messages.splice(0, messages.length - MESSAGES)
    this.#host.log(`${this.name}: ${text}`)
    this.#host.changed(this.#session as OpSession, false)
  }

  #set(status: Status): void {
    const session = this.#session as OpSession
    session.status = status
    session.op_code = opCodeOf(session)
    this.#message(`Status is now "${status}".`)
    this.#host.changed(session, true)
  }

  #finish(success: boolean): void {
    const session = this.#session as OpSession
    session.success = success
    session.degraded = false
    session.end_time = Date.now() / 1000
    this.#set('done')
  }

  #active(): boolean {
    return this.#session !== undefined && this.#session.status !== 'done'
  }

  #outcome(status: 0 | -1 | 1, msg: string): Outcome {
    return { status, msg, session: this.#session ? structuredClone(this.#session) : {} }
  }
}
