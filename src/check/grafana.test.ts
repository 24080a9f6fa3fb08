/** Tests with a small stand-in for Grafana's HTTP API; no real Grafana is available where these tests run. */
import { afterAll, afterEach, expect, test } from 'bun:test'
import { ownClock } from '../../test/own-clock.ts'
import { startBridge } from '../bridge/bridge.ts'
import { MemoryHub } from '../bus/memory.ts'
import { checkGrafana } from './grafana.ts'

const clock = ownClock()
afterAll(() => clock[Symbol.dispose]())
const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

async function bridge(hosts: readonly string[] = []): Promise<string> {
  const { url, close } = await startBridge({
    bus: new MemoryHub().connect('bridge'),
    root: 'observatory',
    listen: { host: '127.0.0.1', port: 0 },
    hosts,
    log: () => {},
  })
  open.push(close)
  return url
}

interface Source {
  readonly name: string
  readonly type: string
  readonly url: string
}
/**
 * Behaves like Grafana (health, list of data sources for administrators, proxy with 502 for servers that it
 * cannot reach).
 * @param network the names that it can resolve; its own loopback reaches nothing, as in a container
 */
function grafana(
  sources: readonly Source[],
  network: Readonly<Record<string, string>> = {},
  version = '12.4.1',
): string {
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      const { pathname } = new URL(request.url)
      if (pathname === '/api/health') return Response.json({ commit: 'x', database: 'ok', version })
      if (request.headers.get('authorization') !== `Basic ${btoa('admin:secret')}`)
        return Response.json({ message: 'Unauthorized' }, { status: 401 })
      if (pathname === '/api/datasources')
        return Response.json(
          sources.map((source, i) => ({ id: i, uid: `u${i}`, access: 'proxy', ...source })),
        )
      const [, at, rest] = /^\/api\/datasources\/proxy\/uid\/u(\d+)(\/.*)$/.exec(pathname) ?? []
      const to = URL.parse(sources[Number(at)]?.url ?? '')
      const real = network[to?.hostname ?? '']
      if (!to || real === undefined) return new Response('', { status: 502 })
      const path = `${to.pathname.replace(/\/$/, '')}${rest}`
      return await fetch(real + path, { headers: { host: to.host } }).catch(
        () => new Response('', { status: 502 }),
      )
    },
  })
  open.push(() => server.stop(true))
  return `http://admin:secret@127.0.0.1:${server.port}`
}

/** The findings other than the bridge's, as `LEVEL TEXT`. */
async function findings(url: string, at: string): Promise<string[]> {
  const found = await checkGrafana(url, at, { env: {} })
  return found.filter(({ check }) => check === 'grafana').map(({ level, text }) => `${level} ${text}`)
}

const NAME = 'sisock_grafana_http'
const source = (url: string, type = 'graphite', name = 'ocs'): Source => ({ name, type, url })

test('all well: each data source reaches the bridge', async () => {
  const at = await bridge([NAME])
  const sources = [
    source(`http://${NAME}:5000/graphite`),
    source(`http://${NAME}:5000`, 'grafana-simple-json-datasource', 'sisock'),
    source(`http://${NAME}:9090`, 'prometheus', 'other'),
  ]
  expect(await findings(grafana(sources, { [NAME]: at }), at)).toEqual([
    `ok data source "ocs" (graphite) reaches the bridge at http://${NAME}:5000/graphite`,
    `ok data source "sisock" (grafana-simple-json-datasource) reaches the bridge at http://${NAME}:5000`,
  ])
})

test('Grafana 12.4.0 is told to evaluate no rule over Graphite', async () => {
  const at = await bridge([NAME])
  const network = { [NAME]: at }
  const told =
    'problem Grafana 12.4.0 does not evaluate alert rules over Graphite: use 12.4.1, where this is fixed'
  const graphite = [source(`http://${NAME}:5000/graphite`)]
  expect((await findings(grafana(graphite, network, '12.4.0'), at))[1]).toBe(told)
  const json = [source(`http://${NAME}:5000`, 'simpod-json-datasource')]
  expect(await findings(grafana(json, network, '12.4.0'), at)).toHaveLength(1)
})

test('URL: the wrong path, something else that answers, no URL', async () => {
  const at = await bridge([NAME])
  const other = grafana([])
  const sources = [
    source(`http://${NAME}:5000`),
    source(`http://${NAME}:5000/graphite`, 'simpod-json-datasource', 'json'),
    source('http://elsewhere:3000/graphite', 'graphite', 'else'),
    source('', 'graphite', 'empty'),
  ]
  const network = { [NAME]: at, elsewhere: other.replace('admin:secret@', '') }
  expect(await findings(grafana(sources, network), at)).toEqual([
    `problem data source "ocs": URL: a data source of type graphite needs http://${NAME}:5000/graphite, not http://${NAME}:5000`,
    `problem data source "json": URL: a data source of type simpod-json-datasource needs http://${NAME}:5000, not http://${NAME}:5000/graphite`,
    'problem data source "else": URL: what answers at http://elsewhere:3000/graphite is not the bridge (status 401): the URL is http://elsewhere:3000/graphite',
    `problem data source "empty": URL: "" is not a URL such as http://${NAME}:5000/graphite`,
  ])
})

test('type: a data source for the bridge that is of another', async () => {
  const at = await bridge()
  const [found] = await findings(grafana([source(at, 'prometheus', 'sisock')]), at)
  expect(found).toStartWith('problem type: the data source "sisock" is of type prometheus: make it Graphite')
  expect((await findings(grafana([]), at))[0]).toStartWith(
    'problem no data source points to the bridge: add one',
  )
})

test('the bridge is not running', async () => {
  const gone = 'http://127.0.0.1:1'
  const [found] = await findings(grafana([source('http://127.0.0.1:5000/graphite')]), gone)
  expect(found).toEndWith('cannot reach 127.0.0.1:5000: the bridge is not running: start it (ocs bridge)')
  const [named] = await findings(grafana([source(`http://${NAME}.invalid:5000/graphite`)]), gone)
  expect(named).toInclude('the bridge is not running or has another name')
  const checked = await checkGrafana(grafana([]), gone, { env: {} })
  expect(checked[0]).toMatchObject({ check: 'bridge', level: 'problem' })
})

test('not on the network: the bridge runs, and Grafana does not know its name', async () => {
  const at = await bridge()
  const [found] = await findings(grafana([source(`http://${NAME}.invalid:5000/graphite`)]), at)
  expect(found).toInclude(
    'is the Grafana container on the bridge’s network? (docker network connect sisock-net sisock_grafana)',
  )
})

test('loopback: the bridge runs here, and Grafana’s 127.0.0.1 is another', async () => {
  const at = await bridge()
  const [found] = await findings(grafana([source(`${at}/graphite`)]), at)
  expect(found).toInclude('in a container, 127.0.0.1 is that container: put both on one network')
})

test('a host name that the bridge does not know; a Grafana that is away, locked or none', async () => {
  const at = await bridge()
  const [named] = await findings(grafana([source(`http://${NAME}:5000/graphite`)], { [NAME]: at }), at)
  expect(named).toEndWith(`the bridge does not know the host name ${NAME}: start it with --host ${NAME}`)
  expect((await findings('http://127.0.0.1:1', at))[0]).toInclude('nothing answers at http://127.0.0.1:1')
  const [locked] = await findings(grafana([]).replace('secret', 'wrong'), at)
  expect(locked).toInclude('does not list its data sources (status 401): log in as an administrator')
  expect((await findings(at, at))[0]).toInclude('is not Grafana (status 404)')
})
