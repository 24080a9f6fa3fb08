import { hostname } from 'node:os'
import { join } from 'node:path'
import { ConfigError, messageOf } from '../core/errors.ts'
import type { InstanceView } from '../lab/lab-view.ts'
import { lastMessage } from '../lab/session-text.ts'
import { checkedArguments, declarationOf } from '../launch/declared-instances.ts'
import { isLocked } from '../machine/lock-file.ts'
import { lockPid } from '../machine/lock-holder.ts'
import { isFrozen } from '../machine/process-name.ts'
import { statePath } from '../machine/state-path.ts'
import type { Instance } from '../site/instances.ts'
import type { Context } from '../terminal/context.ts'
import type { Check, Finding } from './finding.ts'

/** Milliseconds that an instrument has to answer. */
const ANSWER_MS = 2000

/**
 * Asks each instrument of this host to identify itself. An instrument whose agent is running is not
 * contacted, since many accept only one client: its agent's report is used instead.
 */
export const checkInstruments: Check = async ({ site, host, flags, instances, context: { env } }) => {
  if (!flags.instruments) return []
  const state = join(statePath(flags.stateDir, env), site.hub.address_root)
  const wanted = host.instances.filter(({ manage }) => manage === 'host/up')
  const found = await Promise.all(
    wanted.map((instance) => finding(instance, instances.get(instance.instance_id), state, env)),
  )
  return found.flat()
}

async function finding(
  instance: Instance,
  view: InstanceView | undefined,
  state: string,
  env: Context['env'],
): Promise<Finding[]> {
  const { instance_id } = instance
  const told = (level: Finding['level'], text: string): Finding[] => [
    { check: 'instrument', level, text: `${instance_id}: ${text}` },
  ]
  const lock = join(state, `${instance_id}.sqlite.lock`)
  // A frozen agent stays on the hub until the hub has waited for it in vain.
  const pid = lockPid(lock) ?? (view?.presence?.host === hostname() ? view.presence.pid : undefined)
  if (pid !== undefined && isFrozen(pid))
    return told(
      'problem',
      `its own agent (pid ${pid}) is frozen and does not answer: kill -CONT ${pid} resumes it, or restart it`,
    )
  try {
    const agent = await declarationOf(instance)
    const { values, faults } = checkedArguments(agent, instance, env)
    const { identify } = agent.spec
    if (!values || faults.length > 0 || !identify) return []
    if (view?.state === 'online') {
      const failing = [...view.sessions.values()].find(
        ({ degraded, end_time }) => degraded && end_time === null,
      )
      if (failing) return told('problem', `${failing.op_name} is degraded: ${lastMessage(failing)}`)
      return told('ok', 'its agent runs')
    }
    // Without its hub the agent cannot report its state, but it still holds the instrument.
    if (isLocked(lock) && view?.state === 'lost')
      return told('problem', 'its own agent runs here but does not answer the hub: restart it if this lasts')
    if (isLocked(lock))
      return told('note', 'its agent runs here and waits for the hub, so the instrument is not identified')
    const signal = AbortSignal.timeout(4 * ANSWER_MS)
    const identity = await identify(values, { timeout: ANSWER_MS, signal })
    const unknown = 'its agent does not run, and the instrument cannot be identified without it'
    return identity === undefined ? told('note', unknown) : told('ok', identity)
  } catch (error) {
    // Invalid classes and arguments have been reported already.
    if (error instanceof ConfigError) return []
    return told('problem', messageOf(error))
  }
}
