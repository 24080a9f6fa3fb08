import type { Bus } from '../bus/bus.ts'
import { messageOf, OpError } from '../core/errors.ts'
import type { Lab, LabSite } from '../core/lab.ts'
import type { ManagedHost } from '../core/managed-host.ts'
import type { RecorderKey } from '../core/recording/recorder-key.ts'
import { follow } from '../lab/follow.ts'
import { type LabView, viewLab } from '../lab/lab-view.ts'
import { ocsCall } from '../lab/ocs-call.ts'
import { listenOcs } from '../lab/ocs-feeds.ts'
import { type Caller, caller } from '../lab/request-client.ts'
import { readBeneath } from '../machine/read-beneath.ts'
import type { AgentEvents } from './agent-events.ts'
import type { AgentFeeds } from './agent-feeds.ts'
import type { AgentOperations } from './agent-operations.ts'
import type { Announcements } from './announcements.ts'
import type { Counters } from './counters.ts'
import type { Identity } from './identity.ts'
import type { SessionStore } from './session-store.ts'
import { holds, lastTime } from './spool/holds.ts'
import type { Spool } from './spool/spool.ts'

/** The parts of a running agent that its functions may use. */
interface Surroundings {
  readonly identity: Identity
  readonly bus: Bus
  readonly spool?: Spool | undefined
  readonly site?: LabSite | undefined
  readonly host?: ManagedHost | undefined
  readonly filesDir?: string | undefined
  readonly recorderKey?: (() => RecorderKey | undefined) | undefined
  readonly subscribeDevices?: Lab['subscribeDevices'] | undefined
  log(text: string): void
}

/** The lab as seen by the agent's own functions. */
export function labOf(
  { identity, bus, spool, site, host, filesDir, recorderKey, subscribeDevices, log }: Surroundings,
  { memory }: SessionStore,
  counters: Counters,
  { event, bug }: AgentEvents,
  announcements: Announcements,
  { feeds, operations }: { readonly feeds: AgentFeeds; readonly operations: AgentOperations },
): Lab {
  const { root, instance } = identity
  let known: Promise<{ view: LabView; ask: Caller }> | undefined
  /** The other agents; subscribed at the first request, and kept as long as the bus is open. */
  const others = () => {
    known ??= (async () => {
      const view = await viewLab(bus, root)
      await view.settled()
      return { view, ask: await caller(bus, root, { by: instance }) }
    })()
    return known
  }
  return {
    root,
    instance,
    site,
    memory,
    follow: (sink, options) => follow(bus, root, sink, options, bug, recorderKey),
    agents: (watched) => viewLab(bus, root, watched),
    ask: async (of, query, params, timeout) => (await others()).ask.query(of, query, params, timeout),
    subscribeDevices:
      subscribeDevices ??
      (() => ({ problem: () => 'there is no hub to subscribe on', close: async () => {} })),
    readFile: (name, parse) => readFile(filesDir, name, parse, log),
    log,
    event,
    counters: (read) => counters.source(read),
    handOver: {
      feed: (name, spec) => feeds.publisher(name) ?? feeds.open(name, spec()),
      committed: () => spool?.committed() ?? Promise.resolve(),
      holds: (feed, block, t) => spool !== undefined && holds(spool, feed, block, t),
      lastTime: (feed) => spool && lastTime(spool, feed),
      start: (op, params) => operations.begin(op, params),
      async call(call) {
        const { view, ask } = await others()
        return await ocsCall(call, root, view.instances, ask)
      },
      listen: async (topic, heard) => listenOcs(bus, root, (await others()).view, topic, heard),
    },
    host,
    announceNode: (node) => announcements.announceNode(node),
  }
}

async function readFile<T>(
  folder: string | undefined,
  name: string,
  parse: (text: string, name: string) => T,
  log: (text: string) => void,
): Promise<T> {
  const text = await readBeneath(folder, name)
  try {
    return parse(text, name)
  } catch (error) {
    log(messageOf(error))
    throw new OpError(`${name} is not valid: the agent's log says where`)
  }
}
