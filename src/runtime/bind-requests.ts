import type { Bus } from '../bus/bus.ts'
import { channels } from '../core/channels.ts'
import type { AgentEvents } from './agent-events.ts'
import { type AnswersHost, acts, answerQuery, answerRequest } from './answers.ts'
import type { Identity } from './identity.ts'
import { Requests } from './requests.ts'
import { serveSpool } from './spool/serve-spool.ts'
import type { Spool } from './spool/spool.ts'

interface Served extends AnswersHost {
  readonly spool: Spool | undefined
  readonly event: AgentEvents['event']
  bug(error: unknown): void
}

/**
 * Subscribes to everything addressed to an agent: requests, queries, replays, acknowledgements. Also clears
 * sessions and last values that an earlier version of this agent left on the hub and that no longer exist.
 * @returns ends the clearing when disposed: until then the agent receives its own publications on these
 *   topics
 */
export async function serve(bus: Bus, identity: Identity, host: Served): Promise<AsyncDisposable> {
  const { root, instance } = identity
  const here = { root, instance }
  const { agent, operations, spool } = host
  const requests = new Requests(bus, identity, (error) => host.bug(error))
  await bus.subscribe(channels.request, here, (request, { op, action, client }) => {
    const answer = () => answerRequest(host, op, action, client, request)
    void requests.handle(client, request, acts({ action }), answer)
  })
  await bus.subscribe(channels.query, here, (request, { query, client }) => {
    const answer = () => answerQuery(host, query, client, request)
    void requests.handle(client, request, acts({ query }), answer)
  })
  await serveSpool(bus, here, spool, host.event)
  const clearing = new AsyncDisposableStack()
  clearing.use(
    await bus.subscribe(
      channels.session,
      here,
      (_, { op }, { retained }) => retained && void bus.clear(channels.session, { ...here, op }),
      { wanted: ({ op }) => !operations.has(op) },
    ),
  )
  clearing.use(
    await bus.subscribe(
      channels.last,
      here,
      (_, { feed }, { retained }) => retained && void bus.clear(channels.last, { ...here, feed }),
      { wanted: ({ feed }) => !(feed in agent.spec.feeds) },
    ),
  )
  return clearing
}
