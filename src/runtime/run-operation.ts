import type { Agent, SessionHandle } from '../core/agent.ts'
import { messageOf, OpError, TransportError } from '../core/errors.ts'
import { aborted, pause } from '../core/pause.ts'
import type { Connection } from './instrument-connection.ts'

/** Milliseconds that a process waits after a failure on a link that is still open. */
const AGAIN_MS = 500

/**
 * Calls an operation's function: a task once; a process again after each loss of its instrument, degraded
 * meanwhile.
 */
export async function runOperation(
  agent: Agent,
  name: string,
  connection: Connection<object>,
  op: { readonly session: SessionHandle<unknown>; readonly signal: AbortSignal } & Readonly<
    Record<string, unknown>
  >,
): Promise<unknown> {
  const call = agent.runs.get(name)
  const process = agent.ops[name]?.kind === 'process'
  const { session, signal } = op
  await Promise.race([connection.tried, aborted(signal)])
  for (;;) {
    // The function must not start after an abort: it might only listen for the event.
    if (signal.aborted) return undefined
    let instrument = connection.instrument
    if (!instrument && !process) throw new OpError(`The instrument is not connected: ${connection.reason}.`)
    if (!instrument) {
      const waiting = (reason: string) => session.degrade(`waiting for the instrument: ${reason}`)
      waiting(connection.reason)
      instrument = await connection.wait(signal, waiting)
      if (!instrument) return undefined
      session.degraded = false
    }
    try {
      return await call?.({ ...op, instrument } as never)
    } catch (error) {
      if (!(error instanceof TransportError) || !process || signal.aborted) throw error
      session.degrade(messageOf(error))
      // After a closed link, wait for a new connection; on an open link the process goes on.
      if (connection.instrument) await pause(AGAIN_MS, signal)
    }
  }
}
