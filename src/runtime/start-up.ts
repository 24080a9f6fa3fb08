import type { Bus } from '../bus/bus.ts'
import type { Agent } from '../core/agent.ts'
import type { startupOps } from '../core/arguments/startup-ops.ts'
import { pause } from '../core/pause.ts'
import type { AgentOperations } from './agent-operations.ts'
import type { Identity } from './identity.ts'

/** Milliseconds an agent that starts waits for the hub before it works without. */
const FIRST_JOIN_MS = 3000

interface Starting {
  readonly agent: Agent
  readonly identity: Identity
  readonly bus: Bus
  log(text: string): void
}

/** Starts what starts with the agent, once the hub is there or has been waited for. */
export async function startUp(
  { agent, identity, bus, log }: Starting,
  ops: ReturnType<typeof startupOps>,
  operations: AgentOperations,
  stopping: AbortSignal,
): Promise<void> {
  for (let waited = 0; waited < FIRST_JOIN_MS && !bus.connected && !stopping.aborted; waited += 50) {
    await pause(50, stopping)
  }
  if (stopping.aborted) return
  if (!bus.connected) log('waiting for the hub; working without it meanwhile')
  for (const { name, params } of ops) {
    log(`startup-op: launching ${name}`)
    operations.startUp(name, params)
  }
  const idle = agent.spec.idle?.(identity.instance)
  if (ops.length === 0 && idle) log(`idle: ${idle}`)
}
