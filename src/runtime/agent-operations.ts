import type { Agent, OpSpec, SessionHandle } from '../core/agent.ts'
import { OpError } from '../core/errors.ts'
import { ResponseCode } from '../core/ops.ts'
import type { SessionChange } from './live-session.ts'
import { Operation, type OperationHost } from './operation.ts'
import type { SessionStore } from './session-store.ts'

/** The access level of operations that the agent starts itself. */
const AGENT_LEVEL = 4

type Params = Readonly<Record<string, unknown>>

/** The part of an operation's context that belongs to the operation alone. */
interface Call {
  readonly params: unknown
  readonly session: SessionHandle<unknown>
  readonly signal: AbortSignal
  /** Starts another operation of the agent. */
  start(op: string, params?: Params): void
}
interface OperationsHost {
  readonly agent: Agent
  readonly instance: string
  readonly sessions: SessionStore
  /** Runs the declared function to its end; rejects when it fails. */
  run(op: string, call: Call): Promise<unknown>
  /** The latest session changed. A change of state has been saved by now, as `text`, the JSON passed on. */
  changed(op: string, change: SessionChange, text: string | undefined): void
  log(text: string): void
  bug(error: unknown): void
}

/** All operations of one agent: their runs, their sessions, and those that the agent starts itself. */
export class AgentOperations {
  readonly #host: OperationsHost
  readonly #all = new Map<string, Operation>()

  constructor(host: OperationsHost) {
    this.#host = host
    for (const [name, spec] of Object.entries(host.agent.ops))
      this.#all.set(name, this.#operation(name, spec))
  }

  /** By name. */
  get all(): ReadonlyMap<string, Operation> {
    return this.#all
  }

  /** Starts an operation that starts with the agent. */
  startUp(name: string, params: Params): void {
    this.#all.get(name)?.start(params, { client: 'startup', level: AGENT_LEVEL })
  }

  /** Ends all operations; an operation that ignores its signal for `patience` ms is left running. */
  async shutdown(patience: number): Promise<void> {
    await Promise.all([...this.#all.values()].map((operation) => operation.shutdown(patience)))
  }

  #operation(name: string, spec: OpSpec): Operation {
    const host = this.#host
    const { sessions, log, bug } = host
    const operationHost: OperationHost = {
      nextSessionId: () => sessions.nextId(),
      run: (params, session, signal) =>
        host.run(name, { params, session, signal, start: (op, given) => this.begin(op, given) }),
      changed(session, change) {
        const text = change === 'state' ? JSON.stringify(session) : undefined
        if (text !== undefined) sessions.save(session, text)
        host.changed(name, change, text)
      },
      log,
      bug,
    }
    return new Operation(name, spec, operationHost, sessions.latest(name))
  }

  /**
   * Starts an operation on behalf of another, unless it is already running.
   * @throws OpError when it cannot start
   */
  begin(name: string, params: Params = {}): void {
    const operation = this.#all.get(name)
    if (operation?.active) return
    const outcome = operation?.start(params, { client: this.#host.instance, level: AGENT_LEVEL })
    if (outcome?.status !== ResponseCode.OK)
      throw new OpError(`${name}: ${outcome?.msg ?? 'no such operation'}`)
  }
}
