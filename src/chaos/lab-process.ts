import { pause } from '../core/pause.ts'
import { type Child, type Role, startChild } from '../host/children.ts'

/** What a process of the lab is for; faults are counted by it. */
export type RoleKind = 'hub' | 'agent' | 'recorder' | 'data node' | 'bridge' | 'foreign agent'

/** A role to run. */
export interface RolePlan extends Role {
  readonly kind: RoleKind
}

/** Milliseconds after which a role that ended by itself is started again. */
const AGAIN_MS = 1000
/** Milliseconds that a role at the end of a run has to stop by itself. */
const STOP_MS = 10_000

/** A place in the lab with one process at a time, which faults may end and begin. */
export class Station {
  readonly name: string
  readonly kind: RoleKind
  readonly #role: Role
  readonly #logs: string
  readonly #env: Readonly<Record<string, string>>
  readonly #onDeath: (station: Station, how: string) => void
  readonly #closed = new AbortController()
  #process: Child | undefined
  /** The process that is meant to end. */
  #struck: Child | undefined

  /**
   * @param logs the folder of what it says
   * @param env what its environment has besides
   * @param onDeath hears of each end that nobody has asked for; the process is started again
   */
  constructor(
    plan: RolePlan,
    logs: string,
    env: Readonly<Record<string, string>>,
    onDeath: (station: Station, how: string) => void,
  ) {
    this.name = plan.name
    this.kind = plan.kind
    this.#role = plan
    this.#logs = logs
    this.#env = env
    this.#onDeath = onDeath
  }

  get process(): Child | undefined {
    return this.#process
  }

  start(): void {
    if (this.#closed.signal.aborted || (this.#process && this.#process.ended === undefined)) return
    const process = startChild(this.#role, this.#logs, { append: true, env: this.#env })
    this.#process = process
    void process.exited.then(async () => {
      if (this.#struck === process || this.#closed.signal.aborted) return
      this.#onDeath(this, process.ended ?? 'for an unknown reason')
      await pause(AGAIN_MS, this.#closed.signal)
      // A fault may have started it meanwhile.
      if (this.#process === process) this.start()
    })
  }

  /** Ends the process by a signal; resolves once it is gone. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const process = this.#process
    if (!process || process.ended !== undefined) return
    this.#struck = process
    process.kill(signal)
    await process.exited
  }

  /** Stops the process where it stands (SIGSTOP), or lets it go on (SIGCONT). */
  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    if (this.#process?.ended === undefined) this.#process?.kill(name)
  }

  /** Asks the process to stop, and kills it when it does not. */
  async stop(): Promise<void> {
    const timer = setTimeout(() => void this.end('SIGKILL'), STOP_MS)
    await this.end('SIGTERM')
    clearTimeout(timer)
  }

  /** From now on an end is wanted, and nothing is started again. */
  close(): void {
    this.#closed.abort()
    this.signal('SIGCONT')
  }
}
