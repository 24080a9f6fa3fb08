import type { Agent, OpSpec, SessionHandle } from '../core/agent.ts'
import { OpError } from '../core/errors.ts'
import { ResponseCode } from '../core/ops.ts'
import type { SessionChange } from './live-session.ts'
import { Operation, type OperationHost } from './operation.ts'
import type { SessionStore } from './session-store.ts'

/** The access level of what the agent starts itself. */
const AGENT_LEVEL = 4

type Params = Readonly<Record<string, unknown>>

/** What the function of an operation is called with, as far as it is the operation's own. */
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
  /** Runs the declared function until it is over; rejects when it fails. */
  run(op: string, call: Call): Promise<unknown>
  /** The latest session changed; its states are saved by now, as the `text` that is handed on. */
  changed(op: string, change: SessionChange, text: string | undefined): void
  log(text: string): void
  bug(error: unknown): void
}

/** All operations of one agent: what runs each, what becomes of its sessions, and what the agent starts itself. */
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

  /** Starts one that starts with the agent. */
  startUp(name: string, params: Params): void {
    this.#all.get(name)?.start(params, { client: 'startup', level: AGENT_LEVEL })
  }

  /** Ends them; those that do not heed their signal within `patience` ms are left behind. */
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

  /** Has one operation start another, unless it is under way. @throws OpError when it cannot start */
  begin(name: string, params: Params = {}): void {
    const operation = this.#all.get(name)
    if (operation?.active) return
    const outcome = operation?.start(params, { client: this.#host.instance, level: AGENT_LEVEL })
    if (outcome?.status !== ResponseCode.OK)
      throw new OpError(`${name}: ${outcome?.msg ?? 'no such operation'}`)
  }
}
