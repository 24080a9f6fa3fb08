import type { z } from 'zod'
import type { Bus } from '../bus/bus.ts'
import { channels } from '../core/channels.ts'
import { messageOf } from '../core/errors.ts'
import type { Lab } from '../core/lab.ts'
import { redact } from '../core/redact.ts'
import type { Counters } from './counters.ts'
import type { Identity } from './identity.ts'

/**
 * An agent's one-off reports: events, which are logged and published, and unforeseen errors, as events with
 * their stack.
 */
export interface AgentEvents {
  readonly event: Lab['event']
  bug(error: unknown): void
}

/** The most events that wait for a hub. */
const WAITING = 100

/**
 * The events of an agent, each logged. An event without a hub waits and is sent later with its own time;
 * beyond the limit the oldest are dropped and counted as unsent.
 */
export function agentEvents(
  bus: Bus,
  { root, instance }: Identity,
  counters: Counters,
  log: (text: string) => void,
): AgentEvents {
  const waiting: z.input<typeof channels.event.payload>[] = []
  const send = (one: (typeof waiting)[number]) => void bus.publish(channels.event, { root, instance }, one)
  bus.onConnected((connected) => {
    if (connected) waiting.splice(0).forEach(send)
  })
  const event: Lab['event'] = (level, kind, said) => {
    const text = redact(said)
    log(level === 'info' ? text : `${level}: ${text}`)
    const one = { time: Date.now() / 1000, level, kind, text }
    if (bus.connected) return send(one)
    waiting.push(one)
    if (waiting.length <= WAITING) return
    waiting.shift()
    counters.add('unsent')
  }
  const bug = (error: unknown) =>
    event('error', 'bug', `${messageOf(error)}${error instanceof Error ? `\n${error.stack ?? ''}` : ''}`)
  return { event, bug }
}
