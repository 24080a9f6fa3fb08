import { type Context, Hono, type MiddlewareHandler } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'
import { HTTPException } from 'hono/http-exception'
import { z } from 'zod'
import type { Bus } from '../../bus/bus.ts'
import type { LabView } from '../../lab/lab-view.ts'
import type { Nodes } from '../../lab/nodes.ts'
import type { History } from '../history.ts'
import { answer, badRequest, checked } from '../http.ts'
import type { Me } from '../page/shape.ts'
import { readTime } from '../times.ts'
import { agentDetail } from './agent-views.ts'
import { pageAssets } from './assets.ts'
import { fieldList } from './field-list.ts'
import { happened } from './happened.ts'
import { liveValues } from './live-values.ts'
import { OpBody, operate } from './operate.ts'
import { MAX_METRICS, MAX_POINTS, past } from './past.ts'
import { signIns } from './sign-in.ts'
import { MAX_WATCHED, streams } from './streams.ts'

/** Over TLS one that no other host and no plain page can set. */
const COOKIES = { plain: 'ocs_session', secure: '__Host-ocs_session' } as const
/** Seconds that a cookie is kept; the session behind it ends no later. */
const COOKIE_SECONDS = 43_200
const SixHours = 6 * 3600

const SignInBody = z.strictObject({ name: z.string().max(100), password: z.string().max(200) })
const WatchBody = z.strictObject({
  stream: z.string().max(50),
  metrics: z.array(z.string().max(700)).max(MAX_WATCHED),
})

/** What the bridge hands to each request beside it. */
export interface Env {
  readonly Bindings: {
    /** Where the request comes from. */
    readonly address?: string | undefined
  }
}
interface Parts {
  readonly bus: Bus
  readonly root: string
  readonly nodes: Nodes
  readonly lab: LabView
  readonly history: History
  readonly users: string | undefined
  readonly grafana: string | undefined
  log(text: string): void
}
/** The live page: its files, its stream, and the operations of those who have signed in. */
export interface LivePage extends AsyncDisposable {
  /** Served under `/page`. */
  readonly app: Hono<Env>
  /** The page itself. */
  index(c: Context): Response
}

export function livePage({ bus, root, nodes, lab, history, users, grafana, log }: Parts): LivePage {
  const assets = pageAssets()
  const live = liveValues(nodes)
  const { build } = assets
  const open = streams({ nodes, lab, history, live, build, hub: () => bus.connected, log })
  const people = signIns(users, log)
  const acting = operate(bus, root, lab, log)
  const app = new Hono<Env>()
  const who = (c: Context) => people.who(sessionOf(c))
  const me = (c: Context): Me => {
    const user = who(c)
    return {
      user: user?.name ?? null,
      role: user?.role ?? null,
      users: people.any(),
      grafana: grafana ?? null,
    }
  }

  app.use(ownPage)
  app.get('/me', (c) => answer(c, me(c)))
  app.get('/fields', async (c) => answer(c, await fieldList(nodes)))
  app.get('/past', async (c) => {
    const given = new URL(c.req.url).searchParams
    const [from, to] = [timeOf(given, 'from'), timeOf(given, 'to')]
    const points = Number(given.get('points') ?? 500)
    const metrics = given.getAll('metric')
    if (metrics.length > MAX_METRICS) throw badRequest(`more than ${MAX_METRICS} metrics in one request`)
    if (!(points >= 1 && points <= MAX_POINTS)) throw badRequest(`points: 1 to ${MAX_POINTS}`)
    return answer(c, await past(nodes, metrics, { from, to, points }))
  })
  app.get('/happened', (c) => {
    const isNode = (instance: string) => lab.instances.get(instance)?.api?.node !== undefined
    return answer(c, happened(history, Date.now() / 1000 - SixHours, isNode))
  })
  app.get('/agents/:instance', (c) => {
    const instance = c.req.param('instance')
    const view = lab.instances.get(instance)
    if (!view) throw new HTTPException(404, { message: `there is no agent ${instance.slice(0, 63)}` })
    return answer(c, agentDetail(instance, view))
  })
  app.get('/stream', (c) => {
    const body = open.open(c.req.raw.signal)
    if (!body) throw new HTTPException(503, { message: 'too many pages are open' })
    return c.body(body, 200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      // A proxy must not hold it back.
      'x-accel-buffering': 'no',
    })
  })
  app.post('/watch', (c) =>
    checked(c, WatchBody, ({ stream, metrics }) => ({ watching: open.watch(stream, metrics) })),
  )
  app.post('/sign-in', (c) =>
    checked(c, SignInBody, async ({ name, password }) => {
      const token = await people.enter(name, password, c.env.address ?? 'unknown')
      keepSession(c, token, COOKIE_SECONDS)
      return {}
    }),
  )
  app.post('/sign-out', (c) => {
    people.leave(sessionOf(c))
    keepSession(c, '', 0)
    return answer(c, {})
  })
  app.post('/op', (c) => {
    const user = who(c)
    if (!user) throw new HTTPException(401, { message: 'sign in first: operations are for operators' })
    return checked(c, OpBody, (body) => acting.act(user, body))
  })
  app.get('/:file', (c) => assets.serve(c, c.req.param('file')) ?? c.notFound())

  return {
    app,
    index: (c) => assets.serve(c, 'index.html') ?? c.text('', 500),
    async [Symbol.asyncDispose]() {
      open[Symbol.dispose]()
      live[Symbol.dispose]()
      await acting[Symbol.asyncDispose]()
    },
  }
}

const isSecure = (c: Context) => new URL(c.req.url).protocol === 'https:'

/** The session that a request comes with. */
function sessionOf(c: Context): string | undefined {
  return getCookie(c, isSecure(c) ? COOKIES.secure : COOKIES.plain)
}

function keepSession(c: Context, token: string, seconds: number): void {
  const secure = isSecure(c)
  const cookie = { path: '/', httpOnly: true, sameSite: 'Strict', secure, maxAge: seconds } as const
  setCookie(c, secure ? COOKIES.secure : COOKIES.plain, token, cookie)
}

/** What changes anything comes from the page itself: another site's page can neither send nor fake these headers. */
const ownPage: MiddlewareHandler = async (c, next) => {
  if (c.req.method === 'GET') return next()
  const origin = c.req.header('origin')
  const site = c.req.header('sec-fetch-site') ?? 'same-origin'
  const host = origin === undefined ? undefined : URL.parse(origin)?.host
  if (host !== undefined && host === c.req.header('host') && site === 'same-origin') return next()
  throw new HTTPException(403, { message: 'this is for the bridge’s own page (Origin)' })
}

function timeOf(given: URLSearchParams, name: string): number {
  const time = readTime(given.get(name) ?? '', 1)
  if (time === undefined) throw badRequest(`${name} is no time: unix ms`)
  return time
}
