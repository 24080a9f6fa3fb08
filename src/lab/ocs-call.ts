import type { AgentApi } from '../core/channels.ts'
import { OpError } from '../core/errors.ts'
import { aggParams, type OcsCall } from '../core/ocs.ts'
import { Action } from '../core/ops.ts'
import type { InstanceView } from './lab-view.ts'
import type { Caller } from './request-client.ts'

/** Seconds that OCS gives an answer which names no time-out of its own; one that waits may take as long as it likes. */
const [ANSWER_S, WAIT_S] = [10, 1e6]

/**
 * Answers a call of `ROOT.INSTANCE.ops` (`start`, `stop`, …) by `[status, message, session]`, and one of `ROOT.INSTANCE`
 * (`get_api`, `get_tasks`, …) by what the agent has announced.
 * @throws OpError when there is no such procedure, TransportError when the agent does not answer
 */
export async function ocsCall(
  { procedure, args, kwargs }: OcsCall,
  root: string,
  instances: ReadonlyMap<string, InstanceView>,
  ask: Pick<Caller, 'request'>,
): Promise<unknown> {
  const [instance = '', part, ...rest] = procedure.startsWith(`${root}.`)
    ? procedure.slice(root.length + 1).split('.')
    : []
  const view = instances.get(instance)
  if (!view?.api || view.state !== 'online' || rest.length > 0 || (part !== undefined && part !== 'ops'))
    throw new OpError(`no callee registered for procedure <${procedure}>`)
  if (part === undefined) return described(String(args[0] ?? kwargs['q']), view, view.api)
  const [word, op, params, given] = args
  const action = Action.safeParse(word ?? kwargs['action'])
  if (!action.success) return [-1, `No implementation for "${String(op ?? kwargs['op_name'])}"`, {}]
  const timeout = Number(given ?? kwargs['timeout'] ?? (action.data === 'wait' ? WAIT_S : ANSWER_S))
  const values = (params ?? kwargs['params'] ?? {}) as Readonly<Record<string, unknown>>
  const name = String(op ?? kwargs['op_name'])
  const { status, msg, session } = await ask.request(instance, name, action.data, values, timeout)
  return [status, msg, session && asOcs(session)]
}

/** A session as OCS encodes it: null where a number is none (`OpSession.encoded`). */
function asOcs(session: object): object {
  return 'data' in session ? { ...session, data: withoutOdd(session.data) } : session
}

function withoutOdd(data: unknown): unknown {
  if (data === '-0') return 0
  if (data === 'NaN' || data === 'Infinity' || data === '-Infinity') return null
  if (Array.isArray(data)) return data.map(withoutOdd)
  if (typeof data !== 'object' || data === null) return data
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, withoutOdd(value)]))
}

/** What `OCSAgent._management_handler` answers. */
function described(query: string, { presence, sessions }: InstanceView, api: AgentApi): unknown {
  const ops = (kind: string) =>
    Object.entries(api.ops)
      .filter(([, op]) => op.kind === kind)
      .map(([name, { help, min_privs }]) => [
        name,
        asOcs(sessions.get(name) ?? { op_name: name, status: 'no_history' }),
        {
          blocking: true,
          docstring: help,
          op_type: kind,
          min_privs,
          ...(kind === 'task' && { abortable: true }),
        },
      ])
  const feeds = Object.entries(api.feeds).map(([name, feed]) => [
    name,
    { feed_name: name, record: feed.record, agg_params: aggParams(feed) },
  ])
  const all: Readonly<Record<string, unknown>> = {
    get_agent_class: api.agent_class,
    get_tasks: ops('task'),
    get_processes: ops('process'),
    get_feeds: feeds,
    get_api: {
      agent_class: api.agent_class,
      instance_hostname: presence?.host,
      instance_pid: presence?.pid,
      feeds,
      processes: ops('process'),
      tasks: ops('task'),
    },
  }
  return Object.hasOwn(all, query) ? all[query] : null
}
