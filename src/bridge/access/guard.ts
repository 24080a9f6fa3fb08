import type { Context, MiddlewareHandler } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'
import { HTTPException } from 'hono/http-exception'
import { isLoopback } from '../../core/host-port.ts'
import { mayAsk } from '../../machine/host-header.ts'
import { addressAlone } from '../../principals/place.ts'
import type { People, Person } from './people.ts'

/** Over TLS one that no other host and no plain page can set. */
const COOKIES = { plain: 'ocs_session', secure: '__Host-ocs_session' } as const
/** Seconds that a cookie is kept; the session behind it ends no later. */
export const COOKIE_SECONDS = 43_200

/** What the bridge hands to each request beside it. */
export interface Env {
  readonly Bindings: {
    /** Where the request comes from. */
    readonly address?: string | undefined
  }
  readonly Variables: {
    /** Who asks, where they have said so. */
    person?: Person | undefined
  }
}

/** The address that a request comes from. */
export function addressOf(c: Context<Env>): string {
  return addressAlone(c.env?.address ?? 'unknown')
}

/** Refuses requests under a `Host` that is not ours: a page of another site can point a name of its own here. */
export function onlyFor(allowed: Parameters<typeof mayAsk>[1]): MiddlewareHandler {
  return async (c, next) => {
    if (mayAsk(c.req.header('host'), allowed)) return next()
    return c.json({ error: 'the bridge does not know this host name: use localhost or its address' }, 403)
  }
}

/**
 * Refuses what pages of other sites have a browser ask: it could not be read there, but would cost, and shows by its time what
 * there is. A link to the live page may be followed; Grafana asks from its server, which sends no such header.
 */
export const noOtherSite: MiddlewareHandler = async (c, next) => {
  const isLink = c.req.method === 'GET' && c.req.path === '/' && c.req.header('sec-fetch-dest') === 'document'
  if (c.req.header('sec-fetch-site') !== 'cross-site' || isLink) return next()
  return c.json({ error: 'web pages of other sites may not use the bridge' }, 403)
}

/**
 * A page of another site can send a form or plain text without being asked, but not JSON. Forms are for Graphite alone.
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

/** What a page needs before anybody has signed in. */
const OPEN = /^\/(?:page\/(?:[\w-]+\.\w+|me|sign-in|sign-out))?$/

/**
 * Learns who asks, by `Authorization` or the page's cookie, and refuses what takes somebody known: on a bridge with users, all
 * but the page's own files, from elsewhere than this machine.
 * @param isOpen whether everybody may read
 */
export function whoAsks(all: People, isOpen: boolean): MiddlewareHandler<Env> {
  return async (c, next) => {
    const header = c.req.header('authorization')
    // Where everybody may read, what Grafana or a proxy shows is nobody's business; who acts has to be somebody.
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

/** Whether what a request holds is read by nobody on the way: over TLS, or from this machine. */
export function isPrivate(c: Context<Env>): boolean {
  return isSecure(c) || isLoopback(addressOf(c))
}

/** Refuses what holds a password where others may read it on the way. */
export const privately: MiddlewareHandler<Env> = async (c, next) => {
  if (isPrivate(c)) return next()
  throw new HTTPException(403, {
    message: 'no password over plain HTTP: use https, or forward the port by ssh (docs/live-page.md)',
  })
}

const isSecure = (c: Context) => new URL(c.req.url).protocol === 'https:'

/** The session that a request comes with. */
export function sessionOf(c: Context): string | undefined {
  return getCookie(c, isSecure(c) ? COOKIES.secure : COOKIES.plain)
}

/** Gives a browser the cookie of a session; an empty one that is over at once takes it away. */
export function keepSession(c: Context, session: string, seconds: number): void {
  const secure = isSecure(c)
  const cookie = { path: '/', httpOnly: true, sameSite: 'Strict', secure, maxAge: seconds } as const
  setCookie(c, secure ? COOKIES.secure : COOKIES.plain, session, cookie)
}

/**
 * What changes anything comes from the page itself: another site's page can neither send nor fake these headers. Who shows an
 * `Authorization` of their own is no page.
 */
export const ownPage: MiddlewareHandler = async (c, next) => {
  if (c.req.method === 'GET' || c.req.header('authorization') !== undefined) return next()
  const origin = c.req.header('origin')
  const site = c.req.header('sec-fetch-site') ?? 'same-origin'
  const { host, protocol } = URL.parse(origin ?? '') ?? {}
  // What stands between may have spoken plain HTTP in our name. A proxy before us may speak TLS where we do not.
  const isFaked = protocol !== 'https:' && isSecure(c)
  if (host !== undefined && host === c.req.header('host') && site === 'same-origin' && !isFaked) return next()
  throw new HTTPException(403, { message: 'this is for the bridge’s own page (Origin)' })
}
