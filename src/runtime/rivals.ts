import type { Bus } from '../bus/bus.ts'
import { channels, type Presence } from '../core/channels.ts'
import type { Identity } from './identity.ts'

/**
 * How often another process must be heard, each time after a message of this one: the last messages of a dead
 * process may be late.
 */
const HEARD = 3

/** The reactions to another live process of the same instance. */
interface OnRival {
  /** The other began earlier: this process has to stop. */
  elder(other: Presence): void
  /** The other began later and stops by itself; called once for each. */
  younger(other: Presence): void
  /** The retained presence of this instance comes from another process. */
  overwritten(): void
}

/**
 * Detects a second live process of this instance by its presence. An `ocs hub` admits only one. Other brokers
 * disconnect a client when another comes with its id, so two processes would do this to each other for ever,
 * and each would hear little but the other's last wills. Both compare their start times.
 */
export function watchRivals(
  bus: Bus,
  { root, instance, session, since }: Identity,
  { elder, younger, overwritten }: OnRival,
): Promise<AsyncDisposable> {
  /** How often each other process was heard after this one. */
  const heard = new Map<string, number>()
  let hasSpoken = false
  return bus.subscribe(channels.presence, { root, instance }, (said) => {
    if (said.session === session) {
      hasSpoken = true
      return
    }
    const isElder = said.since !== since ? said.since < since : said.session < session
    // A process that began later is about to stop.
    if (said.state !== 'online' || !isElder) overwritten()
    if (said.state === 'offline' || !hasSpoken) return
    hasSpoken = false
    const times = (heard.get(said.session) ?? 0) + 1
    heard.set(said.session, times)
    if (times !== HEARD) return
    if (isElder) elder(said)
    else younger(said)
  })
}
