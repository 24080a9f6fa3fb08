import type { z } from 'zod'
import type { Bus } from '../bus/bus.ts'
import { channels } from '../core/channels.ts'
import { messageOf } from '../core/errors.ts'
import type { Lab } from '../core/lab.ts'
import { redact } from '../core/redact.ts'
import type { Counters } from './counters.ts'
import type { Identity } from './identity.ts'

/** What an agent says once: an event, logged and published, and an error that nobody foresaw, as an event with its stack. */
export interface AgentEvents {
  readonly event: Lab['event']
  bug(error: unknown): void
}

/** Events that wait for a hub, at most. */
const WAITING = 100

/**
 * The events of an agent, each logged. One that finds no hub is sent when there is one, with its time; of more than wait
 * the oldest go, counted as unsent.
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
