import type { Context, MiddlewareHandler } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'
import { HTTPException } from 'hono/http-exception'
import { isLoopback } from '../../core/host-port.ts'
import { mayAsk } from '../../machine/host-header.ts'
import { addressAlone } from '../../principals/place.ts'
import type { People, Person } from './people.ts'

/** Cookie names; over TLS one that no other host and no plain HTTP page can set. */
const COOKIES = { plain: 'ocs_session', secure: '__Host-ocs_session' } as const
/** Seconds that a cookie is kept; its session lasts at least as long. */
export const COOKIE_SECONDS = 43_200

/** Data that the bridge attaches to each request. */
export interface Env {
  readonly Bindings: {
    /** The address that the request comes from. */
    readonly address?: string | undefined
  }
  readonly Variables: {
    /** The authenticated person, if any. */
    person?: Person | undefined
  }
}

/** The address that a request comes from. */
export function addressOf(c: Context<Env>): string {
  return addressAlone(c.env?.address ?? 'unknown')
}

/**
 * Refuses requests under a foreign `Host`: a page of another site can point a name of its own at this server.
 */
export function onlyFor(allowed: Parameters<typeof mayAsk>[1]): MiddlewareHandler {
  return async (c, next) => {
    if (mayAsk(c.req.header('host'), allowed)) return next()
    return c.json({ error: 'the bridge does not know this host name: use localhost or its address' }, 403)
  }
}

/**
 * Refuses requests that pages of other sites make a browser send: they could not read the answer, but would
 * cost work, and learn from the timing. A link to the live page may be followed; Grafana asks from its
 * server, which sends no such header.
 */
export const noOtherSite: MiddlewareHandler = async (c, next) => {
  const isLink = c.req.method === 'GET' && c.req.path === '/' && c.req.header('sec-fetch-dest') === 'document'
  if (c.req.header('sec-fetch-site') !== 'cross-site' || isLink) return next()
  return c.json({ error: 'web pages of other sites may not use the bridge' }, 403)
}

/**
 * Without permission, a page of another site can send a form or plain text, but not JSON. Forms are only for
 * Graphite.
 */
export const rightType: MiddlewareHandler = async (c, next) => {
  if (c.req.method !== 'POST') return next()
  const type = c.req.header('content-type') ?? ''
  const [wanted, text] = c.req.path.startsWith('/graphite/')
    ? ([
        /^application\/x-www-form-urlencoded *(;|$)/i,
        'a form (Content-Type: application/x-www-form-urlencoded)',
      ] as const)
    : ([/^application\/json *(;|$)/i, 'JSON (Content-Type: application/json)'] as const)
  return wanted.test(type) ? next() : c.json({ error: `send ${text}` }, 415)
}

/** The paths that a page needs before anybody has signed in. */
const OPEN = /^\/(?:page\/(?:[\w-]+\.\w+|me|sign-in|sign-out))?$/

/**
 * Identifies the person by `Authorization` or the page's cookie, and refuses requests that need one: on a
 * bridge with users, everything except the page's own files, unless it comes from this machine.
 * @param isOpen whether everybody may read
 */
export function whoAsks(all: People, isOpen: boolean): MiddlewareHandler<Env> {
  return async (c, next) => {
    const header = c.req.header('authorization')
    // If everybody may read, credentials sent by Grafana or a proxy are ignored; only actions need a person.
    const counts =
      header !== undefined && (!isOpen || (c.req.method === 'POST' && c.req.path.startsWith('/page/')))
    if (counts && !isPrivate(c))
      throw new HTTPException(403, { message: 'no password or token over plain HTTP: use https' })
    const person = counts ? await all.shown(header, addressOf(c)) : all.who(sessionOf(c))
    c.set('person', person)
    if (person || isOpen || isLoopback(addressOf(c)) || OPEN.test(c.req.path)) return next()
    c.header('www-authenticate', 'Bearer realm="ocs"')
    return c.json(
      { error: 'sign in first: on the page, or by Authorization (ocs login writes it for curl -n)' },
      401,
    )
  }
}

/** Whether nobody on the way can read the request: it uses TLS, or comes from this machine. */
export function isPrivate(c: Context<Env>): boolean {
  return isSecure(c) || isLoopback(addressOf(c))
}

/** Refuses requests with a password if others may read it on the way. */
export const privately: MiddlewareHandler<Env> = async (c, next) => {
  if (isPrivate(c)) return next()
  throw new HTTPException(403, {
    message: 'no password over plain HTTP: use https, or forward the port by ssh (docs/live-page.md)',
  })
}

const isSecure = (c: Context) => new URL(c.req.url).protocol === 'https:'

/** The session of a request. */
export function sessionOf(c: Context): string | undefined {
  return getCookie(c, isSecure(c) ? COOKIES.secure : COOKIES.plain)
}

/** Sets the session cookie in a browser; an empty one that expires at once removes it. */
export function keepSession(c: Context, session: string, seconds: number): void {
  const secure = isSecure(c)
  const cookie = { path: '/', httpOnly: true, sameSite: 'Strict', secure, maxAge: seconds } as const
  setCookie(c, secure ? COOKIES.secure : COOKIES.plain, session, cookie)
}

/**
 * Requires that changes come from the page itself: a page of another site can neither send nor fake these
 * headers. Requests with their own `Authorization` are exempt, since they do not come from a page.
 */
export const ownPage: MiddlewareHandler = async (c, next) => {
  if (c.req.method === 'GET' || c.req.header('authorization') !== undefined) return next()
  const origin = c.req.header('origin')
  const site = c.req.header('sec-fetch-site') ?? 'same-origin'
  const { host, protocol } = URL.parse(origin ?? '') ?? {}
  // An attacker in between may have served plain HTTP under our name. A proxy in front may use TLS where we
  // do not.
  const isFaked = protocol !== 'https:' && isSecure(c)
  if (host !== undefined && host === c.req.header('host') && site === 'same-origin' && !isFaked) return next()
  throw new HTTPException(403, { message: 'this is for the bridge’s own page (Origin)' })
}
