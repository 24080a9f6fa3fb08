import { z } from 'zod'
import { messageOf, OpError, TransportError } from '../core/errors.ts'
import type { OcsCalls, OcsVisitor } from '../core/ocs.ts'
import type { Identify } from '../principals/identify.ts'
import { addressAlone, placeOf } from '../principals/place.ts'
import { NOBODY } from '../principals/principal.ts'
import { type ByPassword, byAuthorization, type Who } from '../principals/web-login.ts'
import type { Audit } from './audit.ts'
import { limits } from './limits.ts'

/** Paths for calls and for the hub's description, the same as crossbar's in a site of OCS. */
export const [CALL_PATH, INFO_PATH] = ['/call', '/info']

/** The body that `client_http.py` of OCS (0.12.1) posts. */
const Call = z.object({
  procedure: z.string().max(300),
  args: z.array(z.unknown()).default([]),
  kwargs: z.record(z.string(), z.unknown()).default({}),
})

/** What is needed to answer calls over HTTP. */
export interface HttpOptions {
  /** The answer to `/info`. */
  readonly info: Readonly<Record<string, string>>
  readonly identify: Identify
  readonly people: ByPassword | undefined
  readonly calls: OcsCalls
  readonly refused: Audit['refused']
  /**
   * Opens a connection to this hub under an identity.
   * @param from the address
   */
  connect(who: Who, from: string): ReturnType<OcsVisitor['connect']>
}
/**
 * Answers a request.
 * @param from the address with its port
 */
export type Http = (request: Request, from: string) => Promise<Response>

/**
 * Answers clients of OCS as crossbar's HTTP bridge does: `POST /call` with `{procedure, args, kwargs}` by
 * `{args}` or `{error, args, kwargs}`, and `GET /info`. A caller has the same rights as on the hub.
 */
export function httpCalls({ info, identify, people, calls, refused, connect }: HttpOptions): Http {
  /** Running calls, each by its caller. */
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
      // The rest of the request is not read.
      const headers = { 'WWW-Authenticate': 'Bearer realm="ocs"', Connection: 'close' }
      return json(401, { error: principal.refused }, headers)
    }
    if (pathname === INFO_PATH) return json(200, info)
    const address = addressAlone(from)
    const { name, role, level } = principal
    // No principal has a blank in its name, so the two kinds of keys differ.
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

/** The error URI that a WAMP router uses for an error. */
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
