import { hostname } from 'node:os'
import { channels, type Presence } from '../core/channels.ts'
import { topic } from '../core/topic.ts'

/** The identity of an agent process; made before its bus, whose last will carries it. */
export interface Identity {
  readonly root: string
  readonly instance: string
  readonly agentClass: string
  readonly session: string
  readonly since: number
  readonly version: string
}

/** The identity of a process that starts now. */
export function newIdentity(who: Omit<Identity, 'session' | 'since'>): Identity {
  return { ...who, session: crypto.randomUUID(), since: Date.now() / 1000 }
}

/** An agent's presence document, for a given state. */
export function presenceOf(
  { agentClass, session, since, version }: Identity,
  state: Presence['state'],
): Presence {
  const time = Date.now() / 1000
  return { state, session, since, time, agent_class: agentClass, host: hostname(), pid: process.pid, version }
}

/** The last will of an agent's bus. */
export function willOf(identity: Identity): { topic: string; payload: string } {
  const { root, instance } = identity
  return {
    topic: topic(channels.presence, { root, instance }),
    payload: JSON.stringify(presenceOf(identity, 'lost')),
  }
}
