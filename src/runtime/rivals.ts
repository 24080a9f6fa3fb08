import type { Bus } from '../bus/bus.ts'
import { channels, type Presence } from '../core/channels.ts'
import type { Identity } from './identity.ts'

/** How often another process has to be heard of in turn with this one: the last words of one that has died may be late. */
const HEARD = 3

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
 * has the id whenever another comes with it, so that two would do so for ever, each hearing little but the other's last
 * wills. Both compare when they have begun.
 */
export function watchRivals(
  bus: Bus,
  { root, instance, session, since }: Identity,
  { elder, younger, overwritten }: OnRival,
): Promise<AsyncDisposable> {
  /** How often each other was heard of after this one. */
  const heard = new Map<string, number>()
  let hasSpoken = false
  return bus.subscribe(channels.presence, { root, instance }, (said) => {
    if (said.session === session) {
      hasSpoken = true
      return
    }
    const isElder = said.since !== since ? said.since < since : said.session < session
    // The younger is on its way out.
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
