import type { Agent } from '../core/agent.ts'
import type { startupOps } from '../core/arguments/startup-ops.ts'
import type { AgentOperations } from './agent-operations.ts'
import type { Identity } from './identity.ts'

/** Milliseconds that a starting agent waits for the hub before it works without one. */
const FIRST_JOIN_MS = 3000

interface Starting {
  readonly agent: Agent
  readonly identity: Identity
  log(text: string): void
}

/**
 * Starts the operations that start with the agent, after waiting for the hub.
 * @returns a function that starts them now unless they have been started: clients that learn of the agent
 *   then find its sessions
 */
export function startUp(
  { agent, identity, log }: Starting,
  ops: ReturnType<typeof startupOps>,
  operations: AgentOperations,
  stopping: AbortSignal,
): () => void {
  let isBegun = false
  const begin = () => {
    if (isBegun || stopping.aborted) return
    isBegun = true
    clearTimeout(waiting)
    for (const { name, params } of ops) {
      log(`startup-op: launching ${name}`)
      operations.startUp(name, params)
    }
    const idle = agent.spec.idle?.(identity.instance)
    if (ops.length === 0 && idle) log(`idle: ${idle}`)
  }
  const waiting = setTimeout(() => {
    log('waiting for the hub; working without it until then')
    begin()
  }, FIRST_JOIN_MS)
  stopping.addEventListener('abort', () => clearTimeout(waiting))
  return begin
}
