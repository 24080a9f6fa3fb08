import type { Bus } from '../bus/bus.ts'
import type { Lab, LabSite } from '../core/agent.ts'
import type { ManagedHost } from '../core/managed-host.ts'
import { follow } from '../lab/follow.ts'
import { viewLab } from '../lab/lab-view.ts'
import type { AgentEvents } from './agent-events.ts'
import type { Announcements } from './announcements.ts'
import type { Counters } from './counters.ts'
import type { Identity } from './identity.ts'
import type { SessionStore } from './session-store.ts'

/** What an agent is run with, as far as its functions may use it. */
interface Surroundings {
  readonly identity: Identity
  readonly bus: Bus
  readonly site?: LabSite | undefined
  readonly host?: ManagedHost | undefined
  log(text: string): void
}

/** The lab as the agent's own functions see it. */
export function labOf(
  { identity, bus, site, host, log }: Surroundings,
  { memory }: SessionStore,
  counters: Counters,
  { event, bug }: AgentEvents,
  announcements: Announcements,
): Lab {
  const { root, instance } = identity
  return {
    root,
    instance,
    site,
    memory,
    follow: (sink, options) => follow(bus, root, sink, options, bug),
    agents: () => viewLab(bus, root),
    log,
    event,
    counters: (read) => counters.source(read),
    host,
    announceNode: (node) => announcements.announceNode(node),
  }
}
