import { Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { Bus } from '../bus/bus.ts'
import { collectAfter } from '../core/collect.ts'
import { ConfigError, messageOf } from '../core/errors.ts'
import { hostPort, isLoopback } from '../core/host-port.ts'
import { catalogOf } from '../lab/catalog.ts'
import type { Expected } from '../lab/expected.ts'
import { joinLabs, joinNodes, openSite } from '../lab/joined-sites.ts'
import { viewLab } from '../lab/lab-view.ts'
import { findNodes } from '../lab/nodes.ts'
import { portError } from '../machine/port-in-use.ts'
import type { KeyPair } from '../principals/certificate.ts'
import { namesIn } from '../principals/hub-keys.ts'
import { webTls } from '../principals/web-tls.ts'
import { withinBudget } from './access/budget.ts'
import { type Env, noOtherSite, onlyFor, rightType, whoAsks } from './access/guard.ts'
import type { HubPeople } from './access/hub-people.ts'
import { people as peopleOf } from './access/people.ts'
import { tagKeys, tagValues } from './filters.ts'
import { graphite } from './graphite/graphite.ts'
import { recordHistory } from './history.ts'
import { answer, badRequest, checked, send, tellLeftOut, tellThinned } from './http.ts'
import { agentList, metricList, prometheus } from './lists.ts'
import { livePage } from './live/routes.ts'
import { withNotes } from './notes.ts'
import { asCsv, asObjects, rowsOf } from './rows.ts'
import { AnnotationsBody, QueryBody, SearchBody, simpleJson, TagBody } from './simple-json.ts'
import { MetricsBody, OptionsBody, simpod, VariableBody } from './simpod.ts'

/** Maximum bytes in a request; Bun answers 413 to more. */
const BODY_BYTES = 262_144
/** Seconds that a connection may be idle. */
const IDLE = 10
/** Seconds until an answer must begin. */
const ANSWER = 30
/** Advice if a port is in use. */
const REMEDY = 'stop it, or choose another port with --listen ADDR:PORT'
/** Number of requests after which their garbage is collected. */
const COLLECT_AFTER = 1000

export interface BridgeOptions {
  readonly bus: Bus
  readonly root: string
  /** Port 0 takes any free one. */
  readonly listen: { readonly host: string; readonly port: number }
  /** The certificate, for HTTPS. */
  readonly keys?: KeyPair | undefined
  /** Anyone who reaches it may read, also from other machines and over plain HTTP. */
  readonly insecure?: boolean
  /** Other sites to show: their metrics are `SITE/NAME::field`, their agents `SITE/instance`. */
  readonly sites?: readonly { readonly name: string; readonly bus: Bus; readonly root: string }[]
  /** More names that requests may use (`Host`): of a proxy or a container network. */
  readonly hosts?: readonly string[]
  /** The people of the hub; without it nobody can sign in. */
  readonly people?: HubPeople | undefined
  /** Grafana's address, for a link on the live page. */
  readonly grafana?: string
  /** Instances of the site file that should be running: the live page shows those that are missing. */
  readonly expected?: () => readonly Expected[]
  log(text: string): void
}
export interface Bridge {
  /** The data source's URL for Grafana. */
  readonly url: string
  /** Uses another certificate for new connections; existing connections stay. */
  renew(keys: KeyPair): void
  close(): Promise<void>
}

/**
 * Serves the data nodes on a bus over HTTP: to Grafana in the dialects of SimpleJson, simPod's JSON and
 * (under `/graphite`) Graphite, to notebooks and the Infinity data source as flat rows under `/api`, to
 * Prometheus at `GET /metrics`, and to browsers as a live page. It only reads: no request makes it publish
 * anything but queries to data nodes. A person who has signed in acts through a separate connection to the
 * hub, with their own identity there.
 * @throws ConfigError for a port that cannot be opened, and for an address beyond this machine without a
 * certificate or `insecure`
 */
export async function startBridge(options: BridgeOptions): Promise<Bridge> {
  const { bus, root, listen, keys, insecure = false, hosts = [], grafana, log } = options
  const { expected = () => [] } = options
  const isHere = isLoopback(listen.host)
  if (!insecure && !isHere && !keys) {
    throw new ConfigError(
      `the bridge does not listen on ${listen.host} over plain HTTP, where others could read data and passwords. On the ` +
        "hub's machine ocs hub init makes a certificate, which the bridge finds; elsewhere name one by --cert FILE --key " +
        'FILE. Or pass --insecure if everyone on that network may read',
    )
  }
  if (!isHere && insecure) log(`warning: anyone who can reach ${listen.host} may read all data (--insecure)`)
  const people = peopleOf({ hub: options.people, root, log })
  const ownLab = await viewLab(bus, root)
  const history = await withNotes(await recordHistory({ bus, root, lab: ownLab }), {
    bus,
    root,
    lab: ownLab,
    log,
  })
  const sites = await Promise.all(
    (options.sites ?? []).map((site) => openSite(site, log, () => live.again())),
  )
  const lab = joinLabs(ownLab, sites)
  const nodes = joinNodes(await findNodes({ bus, root, lab: ownLab }, log), sites)
  const live = livePage({
    bus,
    root,
    people,
    nodes,
    lab,
    history,
    grafana,
    expected,
    log,
    isOpen: insecure || isHere,
  })
  const stop = async () => {
    for (const part of [live, people, nodes, history, lab]) await part[Symbol.asyncDispose]()
  }
  const catalog = catalogOf(nodes)
  const parts = { nodes, catalog, history, lab, log }
  const simple = simpleJson(parts)
  const json = simpod({ ...parts, search: simple.search })
  const app = new Hono<Env>()

  const collect = collectAfter(COLLECT_AFTER)
  app.use((_, next) => next().finally(collect))
  const names = [...hosts, ...(keys ? namesIn(keys.cert) : [])]
  app.use(onlyFor({ listen: listen.host, open: !isHere, names }))
  app.use(noOtherSite)
  app.use(rightType)
  app.use(whoAsks(people, insecure || isHere))
  app.use(withinBudget())
  app.get('/', (c) => {
    if (!c.req.header('accept')?.includes('text/html')) {
      const away = Object.fromEntries(sites.map(({ name, away }) => [name, away() ?? 'connected']))
      const hub = bus.connected ? 'connected' : 'away'
      return answer(c, { service: 'ocs bridge', hub, ...(sites.length > 0 && { sites: away }) })
    }
    return live.index(c)
  })
  app.route('/page', live.app)
  app.post('/search', (c) => checked(c, SearchBody, ({ target }) => simple.search(target)))
  app.post('/query', (c) =>
    checked(c, QueryBody, async (body) => {
      const { drawn, leftOut } = await simple.query(body)
      tellLeftOut(c, leftOut)
      return drawn
    }),
  )
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
  app.get('/api/metrics', async (c) => answer(c, metricList(await catalog.all(), nodes)))
  app.get('/api/agents', (c) => answer(c, agentList(lab)))
  app.get('/api/data', async (c) => {
    const given = new URL(c.req.url).searchParams
    const format = given.get('format') ?? 'json'
    if (format !== 'json' && format !== 'csv') {
      throw badRequest(`format=${format.slice(0, 20)}: json and csv are served`)
    }
    const rows = await rowsOf(parts, given)
    tellLeftOut(c, rows.leftOut)
    tellThinned(c, rows.thinned)
    return format === 'csv' ? send(c, asCsv(rows), 'text/csv; charset=utf-8') : answer(c, asObjects(rows))
  })
  app.notFound((c) => c.json({ error: `there is no ${c.req.method} ${c.req.path.slice(0, 200)}` }, 404))
  app.onError((error, c) => {
    if (error instanceof HTTPException) return c.json({ error: error.message }, error.status)
    log(`error: ${c.req.method} ${c.req.path}: ${messageOf(error)}\n${error.stack ?? ''}`)
    return c.json({ error: 'the bridge failed on this request: see its log' }, 500)
  })

  let server: ReturnType<typeof open>
  /** Servers with previous certificates. */
  const former: (typeof server)[] = []
  try {
    server = open(app, listen, keys)
  } catch (cause) {
    await stop()
    throw await portError(listen.host, listen.port, cause, REMEDY)
  }
  // A stopped server no longer knows its port.
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
    // Outside development Bun would share the port with another listening process.
    reusePort: false,
    fetch(request, server) {
      // Waiting for several unresponsive data nodes in turn takes longer than a connection may be idle.
      server.timeout(request, ANSWER)
      return app.fetch(request, { address: server.requestIP(request)?.address })
    },
  })
}
