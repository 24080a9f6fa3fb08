import { answers } from '../machine/probe.ts'
import type { Host, Site } from '../site/site.ts'
import type { Finding } from './finding.ts'

/**
 * Compares `wamp_http`, which OCS's own clients call, with the address where the hub answers them: the port
 * of its WebSocket. A server at another address may be a crossbar that is still in use.
 * @param listeners of the hub, running or planned
 */
export async function checkWampHttp(
  site: Site,
  host: Host,
  listeners: readonly string[],
): Promise<Finding[]> {
  const given = host.hub.wamp_http ?? site.hub.wamp_http
  if (given === undefined) return []
  const url = URL.parse(given)
  const scheme = { 'ws:': 'http', 'wss:': 'https' } as const
  const right = listeners.flatMap((listener) => {
    const { protocol, port } = new URL(listener)
    if (protocol !== 'ws:' && protocol !== 'wss:') return []
    return [`${scheme[protocol]}://${url?.hostname || 'localhost'}:${port}/call`]
  })
  if (right.length === 0 || right.includes(given)) return []
  const says = `wamp_http ${given}: the hub does not answer scripts there`
  if (url && /^https?:$/.test(url.protocol) && (await answers(given)))
    return [
      {
        check: 'hub',
        level: 'note',
        text: `${says}, but something else does; the hub's address is ${right.join(' or ')}`,
      },
    ]
  return [{ check: 'hub', level: 'problem', text: `${says}: did you mean ${right.join(' or ')}?` }]
}
