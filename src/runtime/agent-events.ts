import type { Bus } from '../bus/bus.ts'
import type { Lab } from '../core/agent.ts'
import { channels } from '../core/channels.ts'
import { messageOf } from '../core/errors.ts'
import { redact } from '../core/redact.ts'
import type { Counters } from './counters.ts'
import type { Identity } from './identity.ts'

/** What an agent says once: an event, logged and published, and an error that nobody foresaw, as an event with its stack. */
export interface AgentEvents {
  readonly event: Lab['event']
  bug(error: unknown): void
}

/** The events of an agent; one that finds no hub is logged, and counted as unsent. */
export function agentEvents(
  bus: Bus,
  { root, instance }: Identity,
  counters: Counters,
  log: (text: string) => void,
): AgentEvents {
  const event: Lab['event'] = (level, kind, said) => {
    const text = redact(said)
    log(level === 'info' ? text : `${level}: ${text}`)
    if (!bus.connected) counters.add('unsent')
    void bus.publish(channels.event, { root, instance }, { time: Date.now() / 1000, level, kind, text })
  }
  const bug = (error: unknown) =>
    event('error', 'bug', `${messageOf(error)}${error instanceof Error ? `\n${error.stack ?? ''}` : ''}`)
  return { event, bug }
}
