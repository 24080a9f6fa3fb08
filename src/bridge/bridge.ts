import { Hono, type MiddlewareHandler } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { Bus } from '../bus/bus.ts'
import { collectAfter } from '../core/collect.ts'
import { ConfigError, messageOf } from '../core/errors.ts'
import { hostPort, isLoopback } from '../core/host-port.ts'
import { catalogOf } from '../lab/catalog.ts'
import { viewLab } from '../lab/lab-view.ts'
import { findNodes } from '../lab/nodes.ts'
import { mayAsk } from '../machine/host-header.ts'
import { portError } from '../machine/port-in-use.ts'
import type { KeyPair } from '../principals/certificate.ts'
import { webTls } from '../principals/web-tls.ts'
import { tagKeys, tagValues } from './filters.ts'
import { graphite } from './graphite/graphite.ts'
import { recordHistory } from './history.ts'
import { answer, badRequest, checked, send, tellLeftOut } from './http.ts'
import { agentList, metricList, prometheus } from './lists.ts'
import { type Env, livePage } from './live/routes.ts'
import { readUsers } from './live/users.ts'
import { withNotes } from './notes.ts'
import { asCsv, asObjects, rowsOf } from './rows.ts'
import { AnnotationsBody, QueryBody, SearchBody, simpleJson, TagBody } from './simple-json.ts'
import { MetricsBody, OptionsBody, simpod, VariableBody } from './simpod.ts'

/** Bytes a request may carry; Bun answers 413 to more. */
const BODY_BYTES = 262_144
/** Seconds a connection may be quiet. */
const IDLE = 10
/** Seconds that an answer may take to begin. */
const ANSWER = 30
/** What is said of a port that is in use. */
const REMEDY = 'stop it, or choose another port with --listen ADDR:PORT'
/** Requests after which what they leave behind is collected. */
const COLLECT_AFTER = 1000

export interface BridgeOptions {
  readonly bus: Bus
  readonly root: string
  /** Port 0 takes any free one. */
  readonly listen: { readonly host: string; readonly port: number }
  /** The certificate, for HTTPS. */
  readonly keys?: KeyPair | undefined
  /** Lets other machines ask, although there is no log-in for what can be read. */
  readonly insecure?: boolean
  /** Further names by which requests may come (`Host`): of a proxy or a container network. */
  readonly hosts?: readonly string[]
  /** File of those who may operate from the live page. */
  readonly users?: string
  /** Grafana's address, for a link on the live page. */
  readonly grafana?: string
  log(text: string): void
}
export interface Bridge {
  /** The data source's URL for Grafana. */
  readonly url: string
  /** Shows another certificate to who comes from now on; connections that there are stay. */
  renew(keys: KeyPair): void
  close(): Promise<void>
}

/**
 * Serves the data nodes on a bus over HTTP: to Grafana in the dialects of SimpleJson, simPod's JSON and (under
 * `/graphite`) Graphite, to notebooks and the Infinity data source as flat rows under `/api`, to Prometheus at
 * `GET /metrics`, and to browsers as a live page. It only reads: no request makes it publish anything but queries to data
 * nodes, except that an operator who has signed in on the page starts, stops and aborts operations.
 * @throws ConfigError for a port that cannot be opened, and for an address beyond this machine without `insecure`
 */
export async function startBridge(options: BridgeOptions): Promise<Bridge> {
  const { bus, root, listen, keys, insecure = false, hosts = [], users, grafana, log } = options
  if (!insecure && !isLoopback(listen.host)) {
    throw new ConfigError(
      `the bridge asks nobody for a password, so it does not listen on ${listen.host}: ` +
        'listen on 127.0.0.1, or say --insecure if everyone on that network may read',
    )
  }
  if (!isLoopback(listen.host))
    log(`warning: everyone who reaches ${listen.host} may read all data (--insecure)`)
  // A file that others can read is said now, not when somebody wants to sign in.
  if (users !== undefined) readUsers(users)
  const lab = await viewLab(bus, root)
  const history = await withNotes(await recordHistory({ bus, root, lab }), { bus, root, lab, log })
  const nodes = await findNodes({ bus, root, lab }, log)
  const live = livePage({ bus, root, nodes, lab, history, users, grafana, log })
  const stop = async () => {
    for (const part of [live, nodes, history, lab]) await part[Symbol.asyncDispose]()
  }
  const catalog = catalogOf(nodes)
  const parts = { nodes, catalog, history, lab, log }
  const simple = simpleJson(parts)
  const json = simpod({ ...parts, search: simple.search })
  const app = new Hono<Env>()

  const collect = collectAfter(COLLECT_AFTER)
  app.use((_, next) => next().finally(collect))
  app.use(onlyFor({ listen: listen.host, open: insecure, names: hosts }))
  app.use(rightType)
  app.get('/', (c) => {
    if (!c.req.header('accept')?.includes('text/html')) {
      return answer(c, { service: 'ocs bridge', hub: bus.connected ? 'connected' : 'away' })
    }
    return live.index(c)
  })
  app.route('/page', live.app)
  app.post('/search', (c) => checked(c, SearchBody, ({ target }) => simple.search(target)))
  app.post('/query', (c) => checked(c, QueryBody, simple.query))
  app.post('/annotations', (c) => checked(c, AnnotationsBody, simple.annotations))
  app.post('/tag-keys', (c) => answer(c, tagKeys))
  app.post('/tag-values', (c) => checked(c, TagBody, async ({ key }) => tagValues(await catalog.all(), key)))
  app.post('/metrics', (c) => checked(c, MetricsBody, json.metrics))
  app.post('/metric-payload-options', (c) => checked(c, OptionsBody, json.options))
  app.post('/variable', (c) => checked(c, VariableBody, json.variable))
  app.on('GET', ['/graphite', '/graphite/'], (c) => answer(c, { service: 'ocs bridge', dialect: 'graphite' }))
  app.route('/graphite', graphite(parts))
  app.get('/metrics', async (c) =>
    send(c, await prometheus(parts), 'text/plain; version=0.0.4; charset=utf-8'),
  )
  app.get('/api/metrics', async (c) => answer(c, metricList(await catalog.all())))
  app.get('/api/agents', (c) => answer(c, agentList(lab)))
  app.get('/api/data', async (c) => {
    const given = new URL(c.req.url).searchParams
    const format = given.get('format') ?? 'json'
    if (format !== 'json' && format !== 'csv') {
      throw badRequest(`format=${format.slice(0, 20)}: json and csv are served`)
    }
    const rows = await rowsOf(parts, given)
    tellLeftOut(c, rows.leftOut)
    return format === 'csv' ? send(c, asCsv(rows), 'text/csv; charset=utf-8') : answer(c, asObjects(rows))
  })
  app.notFound((c) => c.json({ error: `there is no ${c.req.method} ${c.req.path.slice(0, 200)}` }, 404))
  app.onError((error, c) => {
    if (error instanceof HTTPException) return c.json({ error: error.message }, error.status)
    log(`error: ${c.req.method} ${c.req.path}: ${messageOf(error)}\n${error.stack ?? ''}`)
    return c.json({ error: 'the bridge failed on this request; its log says why' }, 500)
  })

  let server: ReturnType<typeof open>
  /** Servers whose certificate was another. */
  const former: (typeof server)[] = []
  try {
    server = open(app, listen, keys)
  } catch (cause) {
    await stop()
    throw await portError(listen.host, listen.port, cause, REMEDY)
  }
  // A server that is stopped does not know its port any more.
  const at = { host: listen.host, port: server.port ?? listen.port }
  return {
    url: `${keys ? 'https' : 'http'}://${hostPort(at.host, at.port)}`,
    renew(next) {
      // Bun's reload keeps the old certificate.
      void server.stop(false)
      former.push(server)
      server = open(app, at, next)
    },
    async close() {
      await Promise.all([...former, server].map((one) => one.stop(true)))
      await stop()
    },
  }
}

function open(app: Hono<Env>, { host, port }: BridgeOptions['listen'], keys: KeyPair | undefined) {
  return Bun.serve({
    ...(keys && { tls: webTls(keys) }),
    hostname: host.replace(/^\[(.*)\]$/, '$1'),
    port,
    idleTimeout: IDLE,
    maxRequestBodySize: BODY_BYTES,
    development: false,
    // Outside development Bun would share the port with another process that listens on it.
    reusePort: false,
    fetch(request, server) {
      // Data nodes that do not answer are waited for, one question after another, longer than a connection may be idle.
      server.timeout(request, ANSWER)
      return app.fetch(request, { address: server.requestIP(request)?.address })
    },
  })
}

function onlyFor(allowed: Parameters<typeof mayAsk>[1]): MiddlewareHandler {
  return async (c, next) => {
    if (mayAsk(c.req.header('host'), allowed)) return next()
    return c.json(
      { error: 'this host name is not one the bridge goes by: use localhost or its address' },
      403,
    )
  }
}

/**
 * A page of another site can send a form or plain text without being asked, but not JSON. Forms are for Graphite alone,
 * and not from such a page.
 */
const rightType: MiddlewareHandler = async (c, next) => {
  if (c.req.method !== 'POST') return next()
  const type = c.req.header('content-type') ?? ''
  if (!c.req.path.startsWith('/graphite/')) {
    if (/^application\/json *(;|$)/i.test(type)) return next()
    return c.json({ error: 'send JSON (Content-Type: application/json)' }, 415)
  }
  if (c.req.header('sec-fetch-site') === 'cross-site') {
    return c.json({ error: 'forms of pages of other sites are not read' }, 403)
  }
  if (/^application\/x-www-form-urlencoded *(;|$)/i.test(type)) return next()
  return c.json({ error: 'send a form (Content-Type: application/x-www-form-urlencoded)' }, 415)
}
