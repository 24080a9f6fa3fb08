import { type Context, Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { z } from 'zod'
import type { Bus } from '../../bus/bus.ts'
import { readTime } from '../../core/arguments/point-in-time.ts'
import { AUDIT_QUERY, AuditAnswer } from '../../core/built-in.ts'
import { messageOf } from '../../core/errors.ts'
import { isLoopback } from '../../core/host-port.ts'
import { HUB } from '../../core/names.ts'
import type { Expected } from '../../lab/expected.ts'
import type { LabView } from '../../lab/lab-view.ts'
import type { Nodes } from '../../lab/nodes.ts'
import {
  addressOf,
  COOKIE_SECONDS,
  type Env,
  isPrivate,
  keepSession,
  ownPage,
  privately,
  sessionOf,
} from '../access/guard.ts'
import type { People } from '../access/people.ts'
import type { History } from '../history.ts'
import { answer, badRequest, checked } from '../http.ts'
import type { Me } from '../page/shape.ts'
import { agentDetail } from './agent-views.ts'
import { pageAssets } from './assets.ts'
import { fieldList } from './field-list.ts'
import { happened } from './happened.ts'
import { liveValues } from './live-values.ts'
import { mayOperate, OpBody, operate } from './operate.ts'
import { MAX_METRICS, MAX_POINTS, past } from './past.ts'
import { MAX_WATCHED, STREAMS_OF_ONE, streams } from './streams.ts'

const SixHours = 6 * 3600

const SignInBody = z.strictObject({ name: z.string().max(100), password: z.string().max(200) })
const WatchBody = z.strictObject({
  stream: z.string().max(50),
  metrics: z.array(z.string().max(700)).max(MAX_WATCHED),
})

interface Parts {
  readonly bus: Bus
  readonly root: string
  readonly people: People
  readonly nodes: Nodes
  readonly lab: LabView
  readonly history: History
  readonly grafana: string | undefined
  /** Whether everybody may read. */
  readonly isOpen: boolean
  /** Instances that should be running. */
  expected(): readonly Expected[]
  log(text: string): void
}
/** The live page: its files, its stream, and the operations of those who have signed in. */
export interface LivePage extends AsyncDisposable {
  /** Served under `/page`. */
  readonly app: Hono<Env>
  /** Makes all pages reconnect. */
  again(): void
  /** The page itself. */
  index(c: Context): Response
}

export function livePage(parts: Parts): LivePage {
  const { bus, root, people, nodes, lab, history, grafana, isOpen, expected, log } = parts
  const assets = pageAssets()
  const live = liveValues(nodes)
  const { build } = assets
  const open = streams({ root, nodes, lab, history, live, build, hub: () => bus.connected, expected, log })
  const acting = operate(lab, log)
  const app = new Hono<Env>()
  const me = (c: Context<Env>): Me => {
    const person = c.get('person')
    return {
      user: person?.name ?? null,
      role: person?.role ?? null,
      mayOperate: person !== undefined && mayOperate(person),
      mayRead: person !== undefined || isOpen || isLoopback(addressOf(c)),
      maySignIn: isPrivate(c),
      grafana: grafana ?? null,
    }
  }

  app.use(ownPage)
  app.get('/me', (c) => answer(c, me(c)))
  app.get('/fields', async (c) => answer(c, await fieldList(nodes, root)))
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
    const person = c.get('person')
    const isFree = isOpen || isLoopback(addressOf(c))
    const body = open.open(c.req.raw.signal, addressOf(c), () => isFree || person?.here() === true)
    if (!body)
      throw new HTTPException(429, {
        message: `at most ${STREAMS_OF_ONE} pages per address: close one`,
      })
    return c.body(body, 200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      // A proxy must not buffer it.
      'x-accel-buffering': 'no',
    })
  })
  app.post('/watch', (c) =>
    checked(c, WatchBody, ({ stream, metrics }) => ({ watching: open.watch(stream, metrics) })),
  )
  app.post('/sign-in', privately, (c) =>
    checked(c, SignInBody, async ({ name, password }) => {
      keepSession(c, await people.enter(name, password, addressOf(c)), COOKIE_SECONDS)
      return {}
    }),
  )
  app.post('/sign-out', (c) => {
    people.leave(sessionOf(c))
    keepSession(c, '', 0)
    return answer(c, {})
  })
  app.post('/op', (c) => {
    const person = c.get('person')
    if (!person) throw new HTTPException(401, { message: 'sign in first: operations are for operators' })
    return checked(c, OpBody, (body) => acting.act(person, body))
  })
  app.get('/audit', async (c) => {
    const person = c.get('person')
    if (person?.role !== 'admin')
      throw new HTTPException(403, { message: 'the audit log is for administrators who have signed in' })
    const answered = await person.ask.query(HUB, AUDIT_QUERY, { limit: 100 }).catch((error: unknown) => {
      throw new HTTPException(502, { message: messageOf(error) })
    })
    return answer(c, AuditAnswer.parse(answered).entries)
  })
  app.get('/:file', (c) => assets.serve(c, c.req.param('file')) ?? c.notFound())

  return {
    app,
    again: () => open.again(),
    index: (c) => assets.serve(c, 'index.html') ?? c.text('', 500),
    async [Symbol.asyncDispose]() {
      open[Symbol.dispose]()
      live[Symbol.dispose]()
    },
  }
}

function timeOf(given: URLSearchParams, name: string): number {
  const time = readTime(given.get(name) ?? '', 1)
  if (time === undefined) throw badRequest(`${name} is not a time: unix ms`)
  return time
}
