import type { Bus } from '../bus/bus.ts'
import { channels, type Presence } from '../core/channels.ts'
import type { Identity } from './identity.ts'

/** Times that another process has to be heard of anew: the last words of one that has died may be late. */
const HEARD = 2

/** What is done about another live process of the same instance. */
interface OnRival {
  /** It is the elder: this one has to leave. */
  elder(other: Presence): void
  /** It is the younger, which leaves by itself; told once each. */
  younger(other: Presence): void
  /** What is retained of this instance is another's word. */
  overwritten(): void
}

/**
 * Finds a second live process of this instance by its presence. An `ocs hub` lets only one in; other brokers throw out who
 * has the id whenever another comes with it, so that two would do so for ever. Both compare when they have begun.
 */
export function watchRivals(
  bus: Bus,
  { root, instance, session, since }: Identity,
  { elder, younger, overwritten }: OnRival,
): Promise<AsyncDisposable> {
  /** What was heard of each other: the last time that it told, by its own clock, and how often that was a new one. */
  const others = new Map<string, { time: number; heard: number }>()
  return bus.subscribe(channels.presence, { root, instance }, (other) => {
    if (other.session === session) return
    const isElder = other.since !== since ? other.since < since : other.session < session
    // The younger is on its way out.
    if (other.state !== 'online' || !isElder) overwritten()
    if (other.state !== 'online') return
    const before = others.get(other.session)
    const isNew = before !== undefined && before.time !== other.time
    const heard = (before?.heard ?? 0) + (isNew ? 1 : 0)
    others.set(other.session, { time: other.time, heard })
    if (!isNew || heard !== HEARD) return
    if (isElder) elder(other)
    else younger(other)
  })
}
