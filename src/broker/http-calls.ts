import { z } from 'zod'
import { messageOf, OpError, TransportError } from '../core/errors.ts'
import type { OcsCalls, OcsVisitor } from '../core/ocs.ts'
import type { Identify } from '../principals/identify.ts'
import { addressAlone, placeOf } from '../principals/place.ts'
import { NOBODY } from '../principals/principal.ts'
import { type ByPassword, byAuthorization, type Who } from '../principals/web-login.ts'
import type { Audit } from './audit.ts'
import { limits } from './limits.ts'

/** Where calls are taken, and where the hub says what it is, as crossbar does in a site of OCS. */
export const [CALL_PATH, INFO_PATH] = ['/call', '/info']

/** What `client_http.py` of OCS (0.12.1) posts. */
const Call = z.object({
  procedure: z.string().max(300),
  args: z.array(z.unknown()).default([]),
  kwargs: z.record(z.string(), z.unknown()).default({}),
})

/** What calls over HTTP are answered by. */
export interface HttpOptions {
  /** What `/info` says. */
  readonly info: Readonly<Record<string, string>>
  readonly identify: Identify
  readonly people: ByPassword | undefined
  readonly calls: OcsCalls
  readonly refused: Audit['refused']
  /** A connection to this hub as somebody. @param from the address */
  connect(who: Who, from: string): ReturnType<OcsVisitor['connect']>
}
/** Answers a request. @param from the address with its port */
export type Http = (request: Request, from: string) => Promise<Response>

/**
 * Answers what crossbar's HTTP bridge answers for clients of OCS: `POST /call` with `{procedure, args, kwargs}` by `{args}` or
 * `{error, args, kwargs}`, and `GET /info`. What a caller may do is what it may on the hub.
 */
export function httpCalls({ info, identify, people, calls, refused, connect }: HttpOptions): Http {
  /** Calls under way, each by whose it is. */
  const open: string[] = []
  return async (request, from) => {
    const { pathname } = new URL(request.url)
    const method = pathname === CALL_PATH ? 'POST' : 'GET'
    if (request.method !== method)
      return json(405, { error: `${pathname} takes ${method}` }, { Allow: method })
    const who = await byAuthorization(request.headers.get('authorization'), from, identify, people)
    const principal = who()
    if ('refused' in principal) {
      const actor = { principal: { name: '', role: 'newcomer', level: 0 }, client: 'http', from } as const
      refused(actor, principal.refused)
      // What else it sends is not read.
      const headers = { 'WWW-Authenticate': 'Bearer realm="ocs"', Connection: 'close' }
      return json(401, { error: principal.refused }, headers)
    }
    if (pathname === INFO_PATH) return json(200, info)
    const address = addressAlone(from)
    const { name, role, level } = principal
    // No principal has a blank in its name.
    const whose = principal === NOBODY ? `at ${placeOf(from)}` : name
    const own = open.filter((one) => one === whose).length
    if (open.length >= limits.calls || (role !== 'owner' && own >= limits.principal_calls))
      return json(503, {
        error: `${own} calls of ${whose}, ${open.length} of all, are already waiting for answers`,
      })
    const by: OcsVisitor = {
      key: `${name} ${role} ${level} ${address}`,
      name: `${name}@${address}`,
      connect: () => connect(who, address),
    }
    const gone = Promise.withResolvers<never>()
    const leave = () => gone.reject(new TransportError('the caller has disconnected'))
    request.signal.addEventListener('abort', leave)
    open.push(whose)
    try {
      const call = Call.safeParse(await Promise.race([request.json().catch(() => undefined), gone.promise]))
      if (!call.success) return json(400, { error: 'a call is {"procedure": …, "args": […], "kwargs": {…}}' })
      const result = await Promise.race([calls.answer(call.data, by, request.signal), gone.promise])
      return json(200, { args: [result] })
    } catch (error) {
      return json(200, { error: uriOf(error), args: [messageOf(error)], kwargs: {} })
    } finally {
      request.signal.removeEventListener('abort', leave)
      open.splice(open.indexOf(whose), 1)
    }
  }
}

/** The URIs of errors that a WAMP router has for these. */
function uriOf(error: unknown): string {
  if (error instanceof OpError) return 'wamp.error.no_such_procedure'
  return error instanceof TransportError ? 'wamp.error.canceled' : 'wamp.error.runtime_error'
}

function json(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return Response.json(body, {
    status,
    headers: { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff', ...headers },
  })
}
